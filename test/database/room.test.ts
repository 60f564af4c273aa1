import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { Db, Tx } from '../../src/database/client.ts'
import type { Quota } from '../../src/database/quotas.ts'
import { reserveUpload } from '../../src/database/blobs/reserve-upload.ts'
import type { BlobId, DocumentId, FirmId, ProcessId, StorageKey, VersionId } from '../../src/vocabulary.ts'
import { migratedDatabase } from '../support/migrated-database.ts'
import { sceneOfFile } from '../support/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => ({ db: await migratedDatabase(closing) }))

const processId = randomUUID() as ProcessId // nobody else's
const usual = { bytes: 100, documents: 10 }

async function open(db: Db | Tx, firmId: FirmId, bytes: number, usualQuota: Quota = usual): Promise<string | null> {
  const key = `security_firms/${firmId}/${randomUUID()}.pdf` as StorageKey // nobody reads it
  const place = { store: 's3', storeId: null, key } as const
  // Just made, so they name nothing else.
  const ids = {
    id: randomUUID() as BlobId,
    documentId: randomUUID() as DocumentId,
    versionId: randomUUID() as VersionId,
  }
  const reservation = { ...place, ...ids, firmId, growth: { bytes, documents: 1 as const }, scope: undefined }
  const { refused } = await reserveUpload(db, processId, reservation, usualQuota)
  return refused
}

const mebibyte = 1024 * 1024

/** What must be left for uploads to be answered side by side. */
async function marginOf(): Promise<number> {
  const { rows } = await sql<{ most: number }>`
    select current_setting('max_connections')::int as most`.execute(scene.db)
  return (rows[0]?.most ?? 0) * 16 * mebibyte
}

async function waitingForRoom(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_locks
    where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())
  `.execute(scene.db)
  return rows[0]?.count ?? 0
}

it('who asks for room while another is being answered waits for that, and then sees what it took', async () => {
  const firm = randomUUID() as FirmId
  const first = await scene.db.startTransaction().execute()
  expect(await open(first, firm, 60)).toBeNull()
  const second = open(scene.db, firm, 60)
  await expect.poll(waitingForRoom).toBe(1)
  await first.commit().execute()

  expect(await second).toBe('bytes')
  expect(await open(scene.db, firm, 40)).toBeNull()
})

it('another firm’s need not wait', async () => {
  const first = await scene.db.startTransaction().execute()
  await open(first, randomUUID() as FirmId, 60)

  expect(await open(scene.db, randomUUID() as FirmId, 60)).toBeNull()
  await first.rollback().execute()
})

it('where nothing is bounded nobody waits', async () => {
  const firm = randomUUID() as FirmId
  const boundless = { bytes: undefined, documents: undefined }
  const first = await scene.db.startTransaction().execute()
  await open(first, firm, 2 ** 31, boundless)

  expect(await open(scene.db, firm, 2 ** 31, boundless)).toBeNull()
  await first.rollback().execute()
})

it('far from a firm’s bounds nobody waits, but for a large one, which waits for all', async () => {
  const firm = randomUUID() as FirmId
  const large = { bytes: (await marginOf()) + 100 * mebibyte, documents: 1_000_000 }
  const first = await scene.db.startTransaction().execute()
  expect(await open(first, firm, mebibyte, large)).toBeNull()

  expect(await open(scene.db, firm, mebibyte, large)).toBeNull()
  const last = open(scene.db, firm, 17 * mebibyte, large)
  await expect.poll(waitingForRoom).toBe(1)
  await first.commit().execute()
  expect(await last).toBeNull()
})

it('who was far from the bounds, and had to wait until they were near, is asked once more', async () => {
  const firm = randomUUID() as FirmId
  const large = { bytes: (await marginOf()) + 100 * mebibyte, documents: 1_000_000 }
  const first = await scene.db.startTransaction().execute()
  expect(await open(first, firm, large.bytes - mebibyte, large)).toBeNull()
  const waiting = [open(scene.db, firm, 2 * mebibyte, large), open(scene.db, firm, mebibyte, large)]
  await expect.poll(waitingForRoom).toBe(2)
  await first.commit().execute()

  expect(await Promise.all(waiting)).toEqual(['bytes', null])
  expect(await open(scene.db, firm, 1, large)).toBe('bytes')
})

it('what changed is added to the sum by who hands in, before it is much', async () => {
  const firm = randomUUID() as FirmId
  await sql`insert into document_usage_changes (firm_id, bytes, documents)
    select ${firm}::uuid, 1, 0 from generate_series(1, 90)`.execute(scene.db)
  const changes = async () => {
    const { rows } = await sql`select from document_usage_changes where firm_id = ${firm}`.execute(scene.db)
    return rows.length
  }
  expect(await open(scene.db, firm, 1)).toBeNull()
  expect(await changes()).toBe(90)
  await sql`insert into document_usage_changes (firm_id, bytes, documents)
    select ${firm}::uuid, 0, 0 from generate_series(1, 11)`.execute(scene.db)

  expect(await open(scene.db, firm, 10)).toBe('bytes')
  expect(await changes()).toBe(0)
  expect(await open(scene.db, firm, 9)).toBeNull()
})
