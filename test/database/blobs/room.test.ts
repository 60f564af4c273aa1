import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { Db, Tx } from '../../../src/database/connection/client.ts'
import type { Quota } from '../../../src/database/people/quotas.ts'
import { createUploadReserver, type Reservation } from '../../../src/database/blobs/reserve-upload.ts'
import { rights } from '../../../src/people/rights.ts'
import { importAccessKey } from '../../../src/people/sessions/tokens.ts'
import type {
  BlobId,
  DocumentId,
  FirmId,
  ProcessId,
  StorageKey,
  UserId,
  VersionId,
} from '../../../src/vocabulary/vocabulary.ts'
import { migratedDatabase } from '../../support/database/migrated-database.ts'
import { makeFirm, makeMember } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => {
  const db = await migratedDatabase(closing)
  const keys = { accessKey: await importAccessKey('a secret for tests that nobody else has') }
  return { db, registry: { db, now: () => new Date(), keys } }
})

const processId = randomUUID() as ProcessId // nobody else's
const defaults = { bytes: 100, documents: 10 }
const right = rights['documents.upload']

type Firm = { firmId: FirmId; userId: UserId }

async function newFirm(): Promise<Firm> {
  const firmId = await makeFirm(scene.registry)
  return { firmId, userId: (await makeMember(scene.registry, firmId)).id }
}

function reservationOf({ firmId }: Firm, bytes: number): Reservation {
  const key = `security_firms/${firmId}/${randomUUID()}.pdf` as StorageKey // nobody reads it
  // Just made, so they name nothing else.
  const ids = {
    id: randomUUID() as BlobId,
    documentId: randomUUID() as DocumentId,
    versionId: randomUUID() as VersionId,
  }
  const growth = { bytes, documents: 1 as const }
  return {
    store: 's3',
    storeId: null,
    key,
    ...ids,
    firmId,
    addedUsage: growth,
    scope: undefined,
    documentType: undefined,
  }
}

async function open(db: Db | Tx, firm: Firm, bytes: number, defaultQuota: Quota = defaults): Promise<string | null> {
  const reserve = createUploadReserver(db, { processId, right, defaultQuota })
  const { exceeded: refused } = await reserve(firm.userId, reservationOf(firm, bytes))
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
  const firm = await newFirm()
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
  await open(first, await newFirm(), 60)

  expect(await open(scene.db, await newFirm(), 60)).toBeNull()
  await first.rollback().execute()
})

it('where nothing is bounded nobody waits', async () => {
  const firm = await newFirm()
  const boundless = { bytes: undefined, documents: undefined }
  const first = await scene.db.startTransaction().execute()
  await open(first, firm, 2 ** 31, boundless)

  expect(await open(scene.db, firm, 2 ** 31, boundless)).toBeNull()
  await first.rollback().execute()
})

it('far from a firm’s bounds nobody waits, but for a large one, which waits for all', async () => {
  const firm = await newFirm()
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
  const firm = await newFirm()
  const large = { bytes: (await marginOf()) + 100 * mebibyte, documents: 1_000_000 }
  const first = await scene.db.startTransaction().execute()
  expect(await open(first, firm, large.bytes - mebibyte, large)).toBeNull()
  const waiting = [open(scene.db, firm, 2 * mebibyte, large), open(scene.db, firm, mebibyte, large)]
  await expect.poll(waitingForRoom).toBe(2)
  await first.commit().execute()

  expect(await Promise.all(waiting)).toEqual(['bytes', null])
  expect(await open(scene.db, firm, 1, large)).toBe('bytes')
})

it('what changed is added to the sum by who uploads, before it is much', async () => {
  const firm = await newFirm()
  await sql`insert into document_usage_changes (firm_id, bytes, documents)
    select ${firm.firmId}::uuid, 1, 0 from generate_series(1, 90)`.execute(scene.db)
  const changes = async () => {
    const { rows } = await sql`select from document_usage_changes where firm_id = ${firm.firmId}`.execute(scene.db)
    return rows.length
  }
  expect(await open(scene.db, firm, 1)).toBeNull()
  expect(await changes()).toBe(90)
  await sql`insert into document_usage_changes (firm_id, bytes, documents)
    select ${firm.firmId}::uuid, 0, 0 from generate_series(1, 11)`.execute(scene.db)

  expect(await open(scene.db, firm, 10)).toBe('bytes')
  expect(await changes()).toBe(0)
  expect(await open(scene.db, firm, 9)).toBeNull()
})

it('of uploads that ask together as many get room as there is, and those of other firms are not held up', async () => {
  const [firm, other] = [await newFirm(), await newFirm()]
  const reserve = createUploadReserver(scene.db, { processId, right, defaultQuota: defaults })
  const asked = [60, 30, 30, 10].map((bytes) => reserve(firm.userId, reservationOf(firm, bytes)))
  const others = [60, 40].map((bytes) => reserve(other.userId, reservationOf(other, bytes)))

  const answers = await Promise.all(asked)
  const { rows } = await sql<{ bytes: number }>`
    select sum(reserved_bytes)::int as bytes from document_blobs where firm_id = ${firm.firmId}`.execute(scene.db)

  expect(answers.filter(({ isReserved }) => isReserved).length).toBeGreaterThanOrEqual(2)
  expect(answers.some(({ exceeded: refused }) => refused === 'bytes')).toBe(true)
  expect(rows[0]?.bytes).toBeLessThanOrEqual(100)
  expect((await Promise.all(others)).map(({ isReserved }) => isReserved)).toEqual([true, true])
})
