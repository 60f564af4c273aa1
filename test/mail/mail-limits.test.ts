import { sql } from 'kysely'
import { expect, test } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call, later, makePersonWithPassword } from '../people/call-people.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { deliverAt, openMailScene } from './mail-scene.ts'

const scene = sceneOfFile((closing) => openMailScene(closing, { INVITATIONS_PER_PERSON: '20' }))

type Admin = { firm: FirmId; admin: Person }

async function firmWithAdmin(): Promise<Admin> {
  const firm = await makeFirm(scene.service.app)
  return { firm, admin: await makeMember(scene.service.app, firm, 'firm_admin') }
}

const invite = ({ firm, admin }: Admin, email: string, path = 'invitations') =>
  call(scene.service.url, `POST /security-firms/${firm}/${path}`, {
    headers: admin.headers,
    body: { email, role: 'firm_user' },
  })

test('one person sends a limited number of invitations an hour, whichever call they use', async () => {
  const sender = await firmWithAdmin()
  const statuses: number[] = []
  for (let n = 0; n < 24; n += 1) {
    const { status } = await invite(sender, `${n}@nobody.example`, n % 2 === 0 ? 'invitations' : 'members')
    statuses.push(status)
  }
  // A twentieth may pass before the instance leases.
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(3)
  expect(statuses.filter((status) => status < 300).length).toBeLessThanOrEqual(21)
  const denied = await invite(sender, 'another@nobody.example')
  expect(denied).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  expect((denied.body as { detail: string }).detail).toContain('Too many invitations by one person')
})

test('many firms together cannot flood one mailbox: it gets three invitations an hour and five a day', async () => {
  const victim = 'victim@people.example'
  const arrived = () => scene.mailServer.received.filter(({ to }) => to.includes(victim)).length
  const inviteByMany = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      const asTyped = n % 2 === 0 ? victim : ` ${victim.toUpperCase()} `
      expect((await invite(await firmWithAdmin(), asTyped)).status).toBe(201)
    }
  }
  const start = new Date()
  await inviteByMany(5)
  await deliverAt(scene.service.app, later(start, 60))
  expect(arrived()).toBe(3)
  await scene.service.app.db
    .updateTable('document_mails')
    .set({ queued_at: later(start, -2 * 3600) })
    .execute()
  await inviteByMany(4)
  await deliverAt(scene.service.app, later(start, 120))
  expect(arrived()).toBe(5)
})

test.each([
  '<victim@people.example>',
  'Victim <victim@people.example>',
  'victim@people.example (text)',
  'victim@people.example, other@people.example',
  '"victim"@people.example',
  'victim@people\u3002example',
  'vict\u0130m@people.example',
  '<>',
  'a b',
  'a b@people.example',
  'victim@people.example\r\nrcpt',
])(
  'no other form of an address escapes its limit: an invitation to %s is rejected, and queues no mail',
  async (email) => {
    const sender = await firmWithAdmin()
    const { db } = scene.service.app
    await db.deleteFrom('document_mails').execute()
    for (const path of ['invitations', 'members']) {
      const answer = await invite(sender, email, path)
      expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [{ field: 'email' }] } })
    }
    expect(await db.selectFrom('document_mails').select('id').execute()).toEqual([])
  },
)

test('others cannot use up the links to reset a password: each hour has some', async () => {
  const { email } = await makePersonWithPassword(scene.service.app)
  const arrived = () => scene.mailServer.received.filter(({ to }) => to.includes(email)).length
  const perHour: number[] = []
  const start = new Date()
  for (let hour = 0; hour < 6; hour += 1) {
    const before = arrived()
    for (let n = 0; n < 7; n += 1) await call(scene.service.url, 'POST /auth/password/forgot', { body: { email } })
    await deliverAt(scene.service.app, later(start, 60))
    perHour.push(arrived() - before)
    await sql`
      update document_mails set queued_at = queued_at - interval '61 minutes' where recipient = ${email}`.execute(
      scene.service.app.db,
    )
  }
  expect(perHour).toEqual([5, 5, 5, 5, 5, 5])
})

test('a limit says nothing about the address: the answer and the link are as usual', async () => {
  const { status, body } = await invite(await firmWithAdmin(), 'victim@people.example')
  expect(status).toBe(201)
  expect(Object.keys(body as object)).toContain('link')
})
