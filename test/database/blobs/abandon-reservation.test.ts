import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import {
  abandonReservation,
  createUploadReserver,
  type Reservation,
} from '../../../src/database/blobs/reserve-upload.ts'
import type { Db, Tx } from '../../../src/database/connection/client.ts'
import { rights } from '../../../src/people/rights.ts'
import { importAccessKey } from '../../../src/people/sessions/token-keys.ts'
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
  const registry = { db, now: () => new Date(), keys }
  const firmId = await makeFirm(registry)
  return { db, firmId, userId: (await makeMember(registry, firmId)).id }
})

function newReservation(firmId: FirmId): Reservation {
  return {
    id: randomUUID() as BlobId, // used for nothing else, as the ids below
    firmId,
    documentId: randomUUID() as DocumentId,
    versionId: randomUUID() as VersionId,
    store: 's3',
    storeId: null,
    key: `security_firms/${firmId}/${randomUUID()}.pdf` as StorageKey,
    addedUsage: { bytes: 60, documents: 1 },
    scope: undefined,
    documentType: undefined,
  }
}

async function reserve(db: Db | Tx, reservation: Reservation, userId: UserId): Promise<boolean> {
  const reserver = createUploadReserver(db, {
    processId: randomUUID() as ProcessId, // of no other process
    right: rights['documents.upload'],
    defaultQuota: { bytes: undefined, documents: undefined, draftBytes: undefined },
  })
  return (await reserver({ userId, sessionId: undefined, apiKeyId: undefined }, reservation)).isReserved
}

async function stateOf({ id }: Reservation) {
  const row = scene.db.selectFrom('document_blobs').select(['state', 'reserved_bytes']).where('id', '=', id)
  return await row.executeTakeFirst()
}

const tomorrow = sql<Date>`now() + interval '1 day'`
const left = { state: 'leaving', reserved_bytes: '0' }

it('a reservation whose statement is still running is waited for, and leaves', async () => {
  const reservation = newReservation(scene.firmId)
  const running = await scene.db.startTransaction().execute()
  expect(await reserve(running, reservation, scene.userId)).toBe(true)
  const abandoned = abandonReservation(scene.db, reservation, tomorrow)
  await expect
    .poll(async () => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from pg_stat_activity
        where datname = current_database() and wait_event = 'transactionid'`.execute(scene.db)
      return rows[0]?.count
    })
    .toBe(1)
  await running.commit().execute()
  await abandoned

  expect(await stateOf(reservation)).toMatchObject(left)
})

it('a reservation whose statement comes later fails', async () => {
  const reservation = newReservation(scene.firmId)
  await abandonReservation(scene.db, reservation, tomorrow)

  await expect(reserve(scene.db, reservation, scene.userId)).rejects.toThrow(/duplicate key/)
  expect(await stateOf(reservation)).toMatchObject(left)
})

it('a blob that a version has stays', async () => {
  const reservation = newReservation(scene.firmId)
  await reserve(scene.db, reservation, scene.userId)
  await sql`update document_blobs set state = 'live' where id = ${reservation.id}`.execute(scene.db)
  await abandonReservation(scene.db, reservation, tomorrow)

  expect(await stateOf(reservation)).toMatchObject({ state: 'live' })
})
