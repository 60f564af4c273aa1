import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { Db } from '../../src/database/connection/client.ts'
import { walkTrash } from '../../src/documents/purge/purge-trash.ts'
import { fillTrash } from '../support/documents/fill-trash.ts'
import { makeFirm, makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service }
})

const documentCount = 4000
const atMost = (most: number) => expect.toSatisfy((value: number) => value <= most)

it('paging through the trash returns each document once and reads no row again', async () => {
  const { app } = scene.service
  const [firmId, { id: uploadedBy }] = [await makeFirm(app), await makePerson(app)]
  await fillTrash(app.db, { firmId, uploadedBy, count: documentCount })
  const times = { now: new Date(), before: new Date(Date.now() - 30 * 86_400_000) }

  const { seen, read } = await app.db.transaction().execute(async (trx) => {
    const met: string[] = []
    for await (const { documentId, state } of walkTrash(trx, times, { documentIds: undefined }))
      met.push(`${documentId} ${state}`)
    return { seen: met, read: await countRowsRead(trx) }
  })

  expect(new Set(seen).size).toBe(documentCount)
  expect(seen).toHaveLength(documentCount)
  expect(seen.filter((each) => each.endsWith(' held'))).toHaveLength(documentCount / 2)
  expect(seen.filter((each) => each.endsWith(' due'))).toHaveLength(documentCount / 2)
  // A few rows for each document: its own, the live one of its type, its hold, and its version for several checks. A
  // walk that read the whole trash for each page would read twenty times as many.
  for (const [table, rows] of Object.entries(read)) expect([table, rows / documentCount]).toEqual([table, atMost(5)])
})

/** The number of rows of each table that this transaction has read. */
async function countRowsRead(trx: Db): Promise<Record<string, number>> {
  const { rows } = await sql<{ relname: string; read: number }>`
    select relname, (seq_tup_read + coalesce(idx_tup_fetch, 0))::float8 as read
    from pg_stat_xact_user_tables where relname in ('documents', 'document_holds', 'document_versions')`.execute(trx)
  return Object.fromEntries(rows.map(({ relname, read }) => [relname, read]))
}
