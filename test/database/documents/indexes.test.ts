import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { seedDocumentsOf } from '../../support/documents/seed-documents.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'

const rows = 3000

/** The number of rows of a small installation: so few that the planner may prefer to read all. */
const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  const { firm, admin } = await firmWithAdmin(service)
  const { db } = service.app
  await seedDocumentsOf(
    service,
    { firm, admin },
    Array.from({ length: rows }, () => 600),
  )
  await sql`insert into document_idempotency_keys (firm_id, user_id, route, key, fingerprint, document_id, version)
    select ${firm}, ${admin.id}, 'documents', 'key ' || n, 'x', gen_random_uuid(), 1 from generate_series(1, ${rows}::int) n`.execute(
    db,
  )
  await sql`analyze`.execute(db)
  return { service, firm, admin, db }
})

const tables = ['documents', 'document_versions', 'document_blobs', 'document_idempotency_keys', 'firm_documents']

/** Rows read by sequential scans. A session reports its statistics a second later. */
async function rowsWalked(): Promise<Record<string, number>> {
  await sleep(1500)
  const { rows: counted } = await sql<{ name: string; walked: number }>`
    select relname as name, seq_tup_read::int as walked from pg_stat_user_tables where relname = any (${tables})`.execute(
    scene.db,
  )
  return Object.fromEntries(counted.map(({ name, walked }) => [name, walked]))
}

test('uploads, replays, new versions and links find their rows by indexes', async () => {
  const { service, firm, admin } = scene
  const { id } = await uploadDocument(service.url, firm, admin)
  const before = await rowsWalked()

  for (let round = 0; round < 8; round += 1) {
    const key = { headers: { 'idempotency-key': `new ${round}` } }
    const bytes = makePdf({ seed: String(round) })
    await Promise.all(Array.from({ length: 3 }, () => callDocuments(service.url, firm, admin, `/${id}/download`)))
    await uploadFile(service.url, firm, admin, { bytes, ...key })
    await uploadFile(service.url, firm, admin, { bytes, ...key })
  }

  expect(await rowsWalked()).toEqual(before)
})
