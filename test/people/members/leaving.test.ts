import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, statusesOf } from '../call-people.ts'
import { membersOfFirms } from './call-members.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const { firmWithAdmin, membersOf, canSee, atTheSameMoment } = membersOfFirms(() => service)

const leave = (firm: FirmId, person: Person) =>
  call(service.url, `DELETE /auth/me/memberships/${firm}`, { headers: person.headers })

describe('a member leaves', () => {
  it('and has no rights from the next request on', async () => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm, 'field_staff')
    expect(await leave(firm, member)).toMatchObject({ status: 204, body: undefined })
    expect(await canSee(firm, member)).toBe(false)
    expect(await membersOf(firm, admin)).toHaveLength(1)
    expect((await leave(firm, member)).status).toBe(403)
  })

  it('unless they are the last active firm_admin', async () => {
    const { firm, admin } = await firmWithAdmin()
    await addMember(service.app, firm, await makePerson(service.app), { status: 'suspended' })
    expect(await leave(firm, admin)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await canSee(firm, admin)).toBe(true)
  })

  it('one of two firm_admins at the same moment', async () => {
    const { firm, admin } = await firmWithAdmin()
    const second = await makeMember(service.app, firm, 'firm_admin')
    const answers = await atTheSameMoment(firm, [() => leave(firm, admin), () => leave(firm, second)])
    expect(statusesOf(answers)).toEqual([204, 409])
  })

  it('no firm that they do not belong to', async () => {
    expect((await leave(await makeFirm(service.app), await makePerson(service.app))).status).toBe(403)
  })
})
