import { afterAll, beforeAll, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { lockAccount } from '../../src/database/people/accounts.ts'
import { lockMembersOf } from '../../src/database/people/firms.ts'
import { erase } from '../../src/people/personal-data/erase-person.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { addMember, makeFirm, makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

it('a person who joins a firm while they are erased is erased, and nobody who changes this firm gets an error', async () => {
  const { app } = service
  const person = await makePerson(app)
  const firm = await makeFirm(app)

  const login = await app.db.startTransaction().execute()
  await lockAccount(login, person.id)
  const erasure = erase(app, systemActor('a test'), { userId: person.id, evenLastAdmin: true })
  await waitUntilWaiting(app.db)
  await addMember(app, firm, person)
  const change = await app.db.startTransaction().execute()
  await lockMembersOf(change, firm)
  await login.commit().execute()
  await waitUntilWaiting(app.db)
  // As a new API key does.
  await lockAccount(change, person.id)
  await change.commit().execute()

  expect((await erasure).covers).toBe('everything')
  expect(await app.db.selectFrom('firm_users').select('id').where('user_id', '=', person.id).execute()).toEqual([])
})
