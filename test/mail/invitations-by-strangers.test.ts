import { describe, expect, it } from 'vitest'

import { makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call, newRegistration, type TokensBody } from '../people/call-people.ts'
import { openMailScene, receiveLink } from './mail-scene.ts'
import { membersOfFirms } from '../people/members/call-members.ts'

const scene = sceneOfFile(async (closing) => {
  const mailing = await openMailScene(closing)
  const service = await startService()
  closing.defer(() => service.stop())
  return { service, mailing }
})

async function register({ url }: TestService, email: string): Promise<string> {
  const { status, body } = await call(url, 'POST /auth/register', { body: newRegistration({ email }) })
  expect(status).toBe(201)
  return (body as TokensBody).access_token
}

async function invited(to: TestService, email: string) {
  const { firmWithAdmin, membersOf } = membersOfFirms(() => to)
  const { firm, admin } = await firmWithAdmin()
  const invite = async () => {
    const body = { email, role: 'firm_admin' }
    const answer = await call(to.url, `POST /security-firms/${firm}/invitations`, { headers: admin.headers, body })
    const { id, link } = answer.body as { id: string; link: string }
    return { id, token: new URLSearchParams(new URL(link).hash.slice(1)).get('token') ?? '' }
  }
  return { ...(await invite()), invite, memberIds: async () => (await membersOf(firm, admin)).length }
}

const accept = ({ url }: TestService, token: string, id: string) =>
  call(url, `POST /auth/me/invitations/${id}/accept`, { token })
const acceptLink = ({ url }: TestService, token: string, secret: string) =>
  call(url, `POST /invitations/${secret}/accept`, { token })
const decline = ({ url }: TestService, token: string, id: string) =>
  call(url, `DELETE /auth/me/invitations/${id}`, { token })

describe('without mail', () => {
  it('a stranger who registers the e-mail of an invited person neither accepts nor declines without the link', async () => {
    const { email } = newRegistration()
    const invitation = await invited(scene.service, email)
    const stranger = await register(scene.service, email)
    expect(await accept(scene.service, stranger, invitation.id)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    expect((await decline(scene.service, stranger, invitation.id)).status).toBe(403)
    expect(await invitation.memberIds()).toBe(1)
  })

  it('the link, which the firm gives to the person, makes them a member', async () => {
    const { email } = newRegistration()
    const invitation = await invited(scene.service, email)
    const token = await register(scene.service, email)
    expect((await acceptLink(scene.service, token, invitation.token)).status).toBe(200)
  })

  it('a person with an account accepts by the id; a newer account does not, also after another invitation', async () => {
    const person: Person = await makePerson(scene.service.app)
    const token = person.headers.authorization.replace('Bearer ', '')
    expect((await accept(scene.service, token, (await invited(scene.service, person.email)).id)).status).toBe(200)

    const { email } = newRegistration()
    const invitation = await invited(scene.service, email)
    const newer = await register(scene.service, email)
    const again = await invitation.invite()
    expect((await accept(scene.service, newer, again.id)).status).toBe(403)
    expect((await acceptLink(scene.service, newer, again.token)).status).toBe(200)
  })
})

describe('with mail', () => {
  it('nobody accepts or declines before the e-mail is verified, by neither way', async () => {
    const { service: mailing } = scene.mailing
    const { email } = newRegistration()
    const invitation = await invited(mailing, email)
    const token = await register(mailing, email)
    for (const answer of [
      await accept(mailing, token, invitation.id),
      await acceptLink(mailing, token, invitation.token),
      await decline(mailing, token, invitation.id),
    ])
      expect(answer).toMatchObject({ status: 403, body: { code: 'email_unverified' } })
    expect(await invitation.memberIds()).toBe(1)
    const { body: self } = await call(mailing.url, 'GET /auth/me', { token })
    expect(self).toMatchObject({ invitations: [] })

    await call(mailing.url, 'POST /auth/email/verification', { token })
    const link = await receiveLink(scene.mailing, email)
    expect((await call(mailing.url, 'POST /auth/email/verify', { body: { token: link } })).status).toBe(204)
    expect((await accept(mailing, token, invitation.id)).status).toBe(200)
  })
})
