import { randomUUID } from 'node:crypto'

import { type ControlledTransaction, sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'

import type { Tables } from '../../src/database/connection/tables.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call } from '../people/call-people.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  // Every application is complete.
  await sql`update document_types set is_required = false`.execute(service.app.db)
  return { service }
})

let firm: FirmId
let admin: Person
let platform: ControlledTransaction<Tables>
beforeEach(async () => {
  const { app } = scene.service
  firm = await makeFirm(app)
  admin = await makeMember(app, firm)
  await sql`insert into firm_applications (id, firm_id, status) values (${randomUUID()}, ${firm}, 'draft')`.execute(
    app.db,
  )
  platform = await app.db.startTransaction().execute()
})

// A failed test leaves it open.
afterEach(async () => {
  if (!platform.isCommitted) await platform.rollback().execute()
})

const submit = () =>
  call(scene.service.url, `POST /security-firms/${firm}/submit-application`, { headers: admin.headers })
const changeApplication = () =>
  sql`update firm_applications set admin_notes = 'a note of the platform' where firm_id = ${firm}`.execute(platform)
const changeFirm = () => sql`update security_firms set phone = '0821234567' where id = ${firm}`.execute(platform)

const stored = async () => {
  const { rows } = await sql`
    select a.status, a.admin_notes, f.phone, f.verification_status
    from firm_applications a join security_firms f on f.id = a.firm_id where f.id = ${firm}`.execute(
    scene.service.app.db,
  )
  return rows
}
const bothChanges = [
  {
    status: 'submitted',
    admin_notes: 'a note of the platform',
    phone: '0821234567',
    verification_status: 'submitted',
  },
]

it('the platform’s transaction that waits for ours first is no victim of a deadlock', async () => {
  const { db } = scene.service.app
  // Ours stops between its locks and its changes.
  const blocker = await db.startTransaction().execute()
  await sql`lock table document_types in access exclusive mode`.execute(blocker)
  const ours = submit()
  await waitUntilWaiting(db)
  const changes = (async () => {
    await changeApplication()
    await changeFirm()
    await platform.commit().execute()
  })()
  await waitUntilWaiting(db, 2)
  await blocker.rollback().execute()

  await expect(changes).resolves.toBeUndefined()
  expect(await ours).toMatchObject({ status: 200 })
  expect(await stored()).toEqual(bothChanges)
})

it('ours lets a transaction of the platform that has the application go first, and follows', async () => {
  const { db } = scene.service.app
  await changeApplication()
  const ours = submit()
  await waitUntilWaiting(db)
  await changeFirm()
  await platform.commit().execute()

  expect(await ours).toMatchObject({ status: 200 })
  expect(await stored()).toEqual(bothChanges)
})
