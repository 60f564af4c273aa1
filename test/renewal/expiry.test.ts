import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { messagesOf } from '../messages/call-messages.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { takeUnreported } from '../../src/database/renewal/expire-versions.ts'
import { addDays, type FirmScene, makeFirmScene, morning, remind, verifiedDocument, verify } from './renewal-scene.ts'

let service: TestService
let reviewer: Person
beforeAll(async () => {
  service = await startService()
  reviewer = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => service.stop())

const lastDay = '2099-06-30'

/** A document whose last day is over. */
async function expiredDocument(): Promise<FirmScene & { id: string }> {
  const scene = await makeFirmScene(service)
  const id = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  await remind(service.app, morning(lastDay, 1))
  return { ...scene, id }
}

async function platformRow(id: string) {
  const { rows } = await sql<{ is_verified: boolean; verified_by: string | null }>`
    select is_verified, verified_by from firm_documents where id = ${id}`.execute(service.app.db)
  return rows[0]
}

async function ours(id: string) {
  const { rows } = await sql<{ review_status: string; valid_until: string | null; is_expired: boolean }>`
    select review_status, valid_until::text, expired_at is not null as is_expired from document_versions
    where document_id = ${id}`.execute(service.app.db)
  return rows[0]
}

async function eventsOf(id: string, action: string) {
  const { rows } = await sql<{ details: unknown; version: number }>`
    select details, version from document_events where document_id = ${id} and action = ${action}`.execute(
    service.app.db,
  )
  return rows
}

it('on the last day it is verified; a day later the platform’s row is not, once, and the version stays verified here', async () => {
  const scene = await makeFirmScene(service)
  const id = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  await remind(service.app, morning(lastDay))
  expect(await platformRow(id)).toMatchObject({ is_verified: true })
  for (const days of [1, 1, 2]) await remind(service.app, morning(lastDay, days))
  expect(await platformRow(id)).toEqual({ is_verified: false, verified_by: null })
  expect(await ours(id)).toEqual({ review_status: 'verified', valid_until: lastDay, is_expired: true })
  expect(await eventsOf(id, 'document.expired')).toEqual([
    { version: 1, details: { document_type: 'bee_certificate', valid_until: lastDay } },
  ])
  expect(await eventsOf(id, 'document.changed')).toEqual([])
})

it('a document’s JSON is verified exactly while the platform’s row is, and shows the decision on', async () => {
  const scene = await makeFirmScene(service)
  const id = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  const read = async () => (await callDocuments(service.url, scene.firm, scene.admin, `/${id}`)).json()
  await remind(service.app, morning(lastDay))
  expect(await read()).toMatchObject({ is_verified: true, verified_at: expect.any(String) as string })
  await remind(service.app, morning(lastDay, 1))
  const expired = { is_verified: false, verified_at: null, review_status: 'verified', valid_until: lastDay }
  expect(await read()).toMatchObject({ ...expired, verified_version: 1 })
  await verify(service.url, { firm: scene.firm, id }, reviewer, addDays(lastDay, 100))
  expect(await read()).toMatchObject({ is_verified: true, verified_at: expect.any(String) as string })
})

it('an expiring document leaves one event, when it has 90 days left', async () => {
  const scene = await makeFirmScene(service)
  const id = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  for (const days of [-91, -90, -90, -89, -30]) {
    await remind(service.app, morning(lastDay, days))
    expect(await eventsOf(id, 'document.expiring')).toHaveLength(days === -91 ? 0 : 1)
  }
  expect(await eventsOf(id, 'document.expiring')).toEqual([
    { version: 1, details: { document_type: 'bee_certificate', valid_until: lastDay, days_left: 90 } },
  ])
})

it('the platform’s administrators get one message of all that expired', async () => {
  // Documents of other tests.
  await remind(service.app, morning(lastDay, 1))
  const administrator = await makePerson(service.app, { role: 'admin' })
  const locked = await makePerson(service.app, { role: 'admin', isLocked: true })
  const scenes = [await makeFirmScene(service), await makeFirmScene(service)]
  for (const scene of scenes) await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  for (const days of [1, 1]) await remind(service.app, morning(lastDay, days))
  const messages = (await messagesOf(service, administrator)).filter(({ kind }) => kind === 'document_expired')
  expect(messages.map(({ subject }) => subject)).toEqual(['2 documents have expired'])
  const { rows } = await sql`select from document_messages where user_id = ${locked.id}`.execute(service.app.db)
  expect(rows).toEqual([])
})

it('another change by the platform leaves an expired version expired', async () => {
  const { id } = await expiredDocument()
  await sql`update firm_documents set file_name = 'renamed.pdf' where id = ${id}`.execute(service.app.db)
  expect(await ours(id)).toEqual({ review_status: 'verified', valid_until: lastDay, is_expired: true })
})

it('the platform verifies an expired document again: it is valid without an end, and does not expire again', async () => {
  const { id } = await expiredDocument()
  await sql`update firm_documents set is_verified = true, verified_at = now() where id = ${id}`.execute(service.app.db)
  expect(await ours(id)).toEqual({ review_status: 'verified', valid_until: null, is_expired: false })
  await remind(service.app, morning(lastDay, 2))
  expect(await platformRow(id)).toMatchObject({ is_verified: true })
})

it('a reviewer verifies an expired document until another day: the platform’s row is verified until then', async () => {
  const { firm, id } = await expiredDocument()
  await verify(service.url, { firm, id }, reviewer, addDays(lastDay, 100))
  expect(await platformRow(id)).toMatchObject({ is_verified: true })
  expect(await ours(id)).toEqual({ review_status: 'verified', valid_until: addDays(lastDay, 100), is_expired: false })
  await remind(service.app, morning(lastDay, 101))
  expect(await platformRow(id)).toMatchObject({ is_verified: false })
  expect(await eventsOf(id, 'document.expired')).toHaveLength(2)
})

it('an expired document comes back from the trash as expired', async () => {
  const { firm, admin, id } = await expiredDocument()
  await callDocuments(service.url, firm, admin, `/${id}`, { method: 'DELETE' })
  expect(await platformRow(id)).toBeUndefined()
  await callDocuments(service.url, firm, admin, `/${id}/restore`, { method: 'POST' })
  expect(await platformRow(id)).toMatchObject({ is_verified: false })
  expect(await ours(id)).toMatchObject({ review_status: 'verified', is_expired: true })
})

it('a document that was in the trash on its last day expires after it comes back', async () => {
  const scene = await makeFirmScene(service)
  const id = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  await callDocuments(service.url, scene.firm, scene.admin, `/${id}`, { method: 'DELETE' })
  await remind(service.app, morning(lastDay, 1))
  await callDocuments(service.url, scene.firm, scene.admin, `/${id}/restore`, { method: 'POST' })
  expect(await eventsOf(id, 'document.expired')).toEqual([])
  await remind(service.app, morning(lastDay, 2))
  expect(await eventsOf(id, 'document.expired')).toHaveLength(1)
  expect(await platformRow(id)).toMatchObject({ is_verified: false })
})

it('a document that the platform has locked expires in the next run, and the others in this one', async () => {
  const scene = await makeFirmScene(service)
  const locked = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay })
  const free = await verifiedDocument(service, scene, reviewer, { validUntil: lastDay, seed: '2' })
  const platform = await service.app.db.startTransaction().execute()
  await sql`select from firm_documents where id = ${locked} for update`.execute(platform)
  try {
    expect(await remind(service.app, morning(lastDay, 1))).toMatchObject({ isComplete: true })
  } finally {
    await platform.rollback().execute()
  }
  expect([await eventsOf(free, 'document.expired'), await eventsOf(locked, 'document.expired')]).toMatchObject([
    [{}],
    [],
  ])
  await remind(service.app, morning(lastDay, 1))
  expect(await eventsOf(locked, 'document.expired')).toHaveLength(1)
})

it('a purge of an expired document does not hide the others from the report', async () => {
  const [purged, other] = [await expiredDocument(), await expiredDocument()]
  const { db } = service.app
  await sql`update document_reminders set reported_at = now() where reported_at is null`.execute(db)
  for (const [index, { firm }] of [purged, other].entries())
    await sql`
      update document_reminders set reported_at = null, expired_at = now() + ${index}::int * interval '1 second'
      where firm_id = ${firm}`.execute(db)
  const purge = await db.startTransaction().execute()
  await sql`delete from documents where id = ${purged.id}`.execute(purge)
  const taken = db.transaction().execute((trx) => takeUnreported(trx, { limit: 1, at: new Date() }))
  const stopWaiting = setTimeout(() => void purge.commit().execute(), 2000)
  expect(await taken).toMatchObject([{ documentId: other.id }])
  clearTimeout(stopWaiting)
  if (!purge.isCommitted) await purge.rollback().execute()
})
