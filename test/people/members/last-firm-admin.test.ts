import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { addMember, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { membersOfFirms } from './call-members.ts'
import { type Answer, statusesOf } from '../call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const { firmWithAdmin, change, remove, membersOf, atTheSameMoment } = membersOfFirms(() => service)

describe('the last active firm_admin', () => {
  it.each<[string, (firm: FirmId, admin: Person) => Promise<Answer>]>([
    ['is not removed', (firm, admin) => remove(firm, admin, admin)],
    ['is not suspended', (firm, admin) => change(firm, admin, admin, { status: 'suspended' })],
    ['is given no lesser role', (firm, admin) => change(firm, admin, admin, { role: 'firm_supervisor' })],
  ])('%s, also with suspended and pending members', async (_, act) => {
    const { firm, admin } = await firmWithAdmin()
    for (const status of ['suspended', 'pending'] as const)
      await addMember(service.app, firm, await makePerson(service.app), { role: 'firm_admin', status })
    const before = await membersOf(firm, admin)
    expect(await act(firm, admin)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await membersOf(firm, admin)).toEqual(before)
  })

  it('may leave after another one was added', async () => {
    const { firm, admin } = await firmWithAdmin()
    const second = await makeMember(service.app, firm, 'firm_admin')
    expect((await remove(firm, admin, admin)).status).toBe(204)
    expect((await remove(firm, second, second)).status).toBe(409)
  })

  it('remains when two remove each other at the same moment: the second request is denied', async () => {
    const { firm, admin } = await firmWithAdmin()
    const second = await makeMember(service.app, firm, 'firm_admin')
    const answers = await atTheSameMoment(firm, [() => remove(firm, admin, second), () => remove(firm, second, admin)])
    expect(statusesOf(answers)).toEqual([204, 403])
  })

  it('remains when two resign at the same moment', async () => {
    const { firm, admin } = await firmWithAdmin()
    const second = await makeMember(service.app, firm, 'firm_admin')
    const answers = await atTheSameMoment(firm, [() => remove(firm, admin, admin), () => remove(firm, second, second)])
    expect(statusesOf(answers)).toEqual([204, 409])
  })

  it('remains when many remove each other at once', async () => {
    const { firm, admin } = await firmWithAdmin()
    const admins = [admin, ...(await Promise.all([1, 2, 3].map(() => makeMember(service.app, firm, 'firm_admin'))))]
    const removals = await Promise.all(
      admins.map((each, n) => remove(firm, each, admins[(n + 1) % admins.length] ?? each)),
    )
    for (const { status } of removals) expect([204, 403, 409]).toContain(status)
    const left = await service.app.db
      .selectFrom('firm_users')
      .select('user_id')
      .where('firm_id', '=', firm)
      .where('role', '=', 'firm_admin')
      .where('status', '=', 'active')
      .execute()
    expect(left.length).toBeGreaterThanOrEqual(1)
    expect(left.length).toBe(admins.length - removals.filter(({ status }) => status === 204).length)
  })
})
