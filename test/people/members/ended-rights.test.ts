import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId, FirmRole, MemberStatus } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { reviewDocument } from '../../support/documents/review-document.ts'
import { addMember, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { waitUntilWaiting } from '../../support/database/wait-for-lock.ts'
import { call } from '../call-people.ts'
import { membersOfFirms } from './call-members.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const { firmWithAdmin, add, change, remove, canSee } = membersOfFirms(() => service)

const as = (person: Person, line: string, body?: unknown) =>
  call(service.url, line, { headers: person.headers, ...(body === undefined ? {} : { body }) })
const leave = (firm: FirmId, person: Person) => as(person, `DELETE /auth/me/memberships/${firm}`)

/** Each way in which a firm_admin stops being one. */
const endings: Record<string, (firm: FirmId, admin: Person, member: Person) => Promise<unknown>> = {
  'was removed': remove,
  left: (firm, _admin, member) => leave(firm, member),
  'was suspended': (firm, admin, member) => change(firm, admin, member, { status: 'suspended' }),
  'was demoted': (firm, admin, member) => change(firm, admin, member, { role: 'firm_user' }),
}
const withoutMembership = Object.entries(endings).filter(([how]) => how !== 'was demoted')

async function setMembership(firm: FirmId, person: Person, row: { role?: FirmRole; status?: MemberStatus }) {
  await service.app.db
    .updateTable('firm_users')
    .set(row)
    .where('firm_id', '=', firm)
    .where('user_id', '=', person.id)
    .execute()
}

/** Whether the platform's row was there or not: an active firm_admin. */
async function makeAdminAgain(firm: FirmId, person: Person): Promise<void> {
  await service.app.db.deleteFrom('firm_users').where('firm_id', '=', firm).where('user_id', '=', person.id).execute()
  await addMember(service.app, firm, person)
}

describe('an invitation', () => {
  it.each(withoutMembership)('to a member who %s lets nobody back in', async (_how, end) => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm)
    const { body } = await as(admin, `POST /security-firms/${firm}/invitations`, {
      email: member.email.toUpperCase(),
      role: 'firm_admin',
    })
    const { id, link } = body as { id: string; link: string }
    await end(firm, admin, member)
    await service.app.db.deleteFrom('firm_users').where('user_id', '=', member.id).execute()

    expect((await as(member, `POST /auth/me/invitations/${id}/accept`)).status).toBe(404)
    const token = new URL(link).hash.replace('#token=', '')
    expect((await as(member, `POST /invitations/${token}/accept`)).status).toBe(404)
    expect(await canSee(firm, member)).toBe(false)
    const events = service.app.db.selectFrom('document_trail').select('details').where('firm_id', '=', firm)
    expect(await events.where('action', '=', 'invitation.withdrawn').execute()).toMatchObject([
      { details: { invitation_id: id, role: 'firm_admin', reason: 'membership_changed' } },
    ])
  })

  it.each(Object.entries(endings))('of a firm_admin who %s stays ended when they are one again', async (_how, end) => {
    const { firm, admin } = await firmWithAdmin()
    const member = await makeMember(service.app, firm)
    const friend = await makePerson(service.app)
    await add(firm, member, { email: friend.email, role: 'firm_admin' })
    await end(firm, admin, member)
    await makeAdminAgain(firm, member)

    expect((await as(friend, 'GET /auth/me')).body).toMatchObject({ invitations: [] })
  })

  it('to a new person stays when another member is removed', async () => {
    const { firm, admin } = await firmWithAdmin()
    const [member, invited] = [await makeMember(service.app, firm), await makePerson(service.app)]
    await add(firm, admin, { email: invited.email, role: 'firm_user' })
    await remove(firm, admin, member)
    expect((await as(invited, 'GET /auth/me')).body).toMatchObject({ invitations: [{ firm_id: firm }] })
  })
})

const makeKey = (firm: FirmId, maker: Person) =>
  as(maker, 'POST /api-keys', { name: 'Payroll', scopes: ['documents:read'], firm_id: firm })
const keyOf = async (firm: FirmId, maker: Person) => ((await makeKey(firm, maker)).body as { key: string }).key
const use = async (firm: FirmId, token: string) =>
  (await call(service.url, `GET /security-firms/${firm}/documents`, { token })).status

describe('an API key', () => {
  it.each(Object.entries(endings))('of a firm_admin who %s stays dead when they are one again', async (_how, end) => {
    const { firm, admin } = await firmWithAdmin()
    const maker = await makeMember(service.app, firm)
    const [key, other] = [await keyOf(firm, maker), await keyOf(firm, admin)]
    expect(await use(firm, key)).toBe(200)
    await end(firm, admin, maker)
    await makeAdminAgain(firm, maker)

    expect(await use(firm, key)).toBe(401)
    expect(await use(firm, other)).toBe(200)
  })

  it('whose maker the platform demoted dies with its first denial', async () => {
    const { firm } = await firmWithAdmin()
    const maker = await makeMember(service.app, firm)
    const key = await keyOf(firm, maker)
    await setMembership(firm, maker, { role: 'firm_user' })
    expect(await use(firm, key)).toBe(403)
    await setMembership(firm, maker, { role: 'firm_admin' })
    expect(await use(firm, key)).toBe(401)
  })

  it('for every firm dies with the role of its administrator', async () => {
    const { firm } = await firmWithAdmin()
    const maker = await makePerson(service.app, { role: 'admin' })
    const { body } = await as(maker, 'POST /api-keys', { name: 'Reports', scopes: ['documents:read'] })
    const { key } = body as { key: string }
    const setRole = (role: string) =>
      service.app.db.updateTable('registered_users').set({ role }).where('id', '=', maker.id).execute()
    expect(await use(firm, key)).toBe(200)
    await setRole('user')
    expect(await use(firm, key)).toBe(403)
    await setRole('admin')
    expect(await use(firm, key)).toBe(401)
  })

  it('is not made by a firm_admin who is demoted at the same moment', async () => {
    const { firm, admin } = await firmWithAdmin()
    const maker = await makeMember(service.app, firm)
    const { db } = service.app
    const { making } = await db.transaction().execute(async (trx) => {
      await trx.selectFrom('security_firms').select('id').where('id', '=', firm).forNoKeyUpdate().execute()
      await trx.updateTable('firm_users').set({ role: 'firm_user' }).where('user_id', '=', maker.id).execute()
      const answer = makeKey(firm, maker)
      await waitUntilWaiting(db, 1)
      return { making: answer }
    })
    expect((await making).status).toBe(403)
    expect((await as(admin, `GET /api-keys?firm_id=${firm}`)).body).toEqual([])
  })
})

const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 3_600_000)

describe('a reviewer who left a firm', () => {
  it.each(withoutMembership.filter(([how]) => how !== 'was suspended'))(
    'or %s reviews none of its documents for 90 days',
    async (_how, end) => {
      const { firm, admin } = await firmWithAdmin()
      const reviewer = await makeMember(service.app, firm, 'firm_supervisor')
      const row = { user_id: reviewer.id, role: 'reviewer', granted_by: admin.id } as const
      await service.app.db.insertInto('document_platform_roles').values(row).execute()
      const { id } = await uploadDocument(service.url, firm, admin, { type: 'tax_clearance' })
      const review = () => reviewDocument(service.url, { firm, id }, reviewer, { decision: 'verify' })
      await end(firm, admin, reviewer)

      expect((await review()).status).toBe(403)
      const setLeftAt = (left_at: Date) =>
        service.app.db.updateTable('document_former_members').set({ left_at }).where('firm_id', '=', firm).execute()
      await setLeftAt(daysAgo(89))
      expect((await review()).status).toBe(403)
      await setLeftAt(daysAgo(91))
      expect((await review()).status).toBe(200)
    },
  )
})
