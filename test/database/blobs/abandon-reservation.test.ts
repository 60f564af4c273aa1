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
import type { ProcessId } from '../../../src/vocabulary/vocabulary.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { callerOf, makeFirmWithMember, newReservation, openRegistry } from './reservation-scene.ts'

const scene = sceneOfFile(async (closing) => {
  const registry = await openRegistry(closing)
  return { db: registry.db, firm: await makeFirmWithMember(registry) }
})

async function reserve(db: Db | Tx, reservation: Reservation): Promise<boolean> {
  const reserver = createUploadReserver(db, {
    processId: randomUUID() as ProcessId, // of no other process
    right: rights['documents.upload'],
    defaultQuota: { bytes: undefined, documents: undefined, draftBytes: undefined },
  })
  return (await reserver(callerOf(scene.firm), reservation)).isReserved
}

async function stateOf({ id }: Reservation) {
  const row = scene.db.selectFrom('document_blobs').select(['state', 'reserved_bytes']).where('id', '=', id)
  return await row.executeTakeFirst()
}

const tomorrow = sql<Date>`now() + interval '1 day'`
const left = { state: 'leaving', reserved_bytes: '0' }

it('a reservation whose statement is still running is waited for, and leaves', async () => {
  const reservation = newReservation(scene.firm, 60)
  const running = await scene.db.startTransaction().execute()
  expect(await reserve(running, reservation)).toBe(true)
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
  const reservation = newReservation(scene.firm, 60)
  await abandonReservation(scene.db, reservation, tomorrow)

  await expect(reserve(scene.db, reservation)).rejects.toThrow(/duplicate key/)
  expect(await stateOf(reservation)).toMatchObject(left)
})

it('a blob that a version has stays', async () => {
  const reservation = newReservation(scene.firm, 60)
  await reserve(scene.db, reservation)
  await sql`update document_blobs set state = 'live' where id = ${reservation.id}`.execute(scene.db)
  await abandonReservation(scene.db, reservation, tomorrow)

  expect(await stateOf(reservation)).toMatchObject({ state: 'live' })
})
