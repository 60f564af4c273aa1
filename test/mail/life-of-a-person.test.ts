import { expect, it } from 'vitest'

import type { FirmId, UserId } from '../../src/vocabulary/vocabulary.ts'
import { findFaults, sealAll } from '../audit/sealed-trail.ts'
import { secretOf, textOf } from './mail-server.ts'
import { mailsTo, openMailScene } from './mail-scene.ts'
import { uploadFile } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember, makePerson } from '../support/people/people.ts'
import { startDevice } from '../support/services/programs/chromium.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { type Answer, call, type TokensBody } from '../people/call-people.ts'

const scene = sceneOfFile(async (closing) => {
  const device = await startDevice()
  closing.defer(() => device.close())
  return { device, ...(await openMailScene(closing, { PUBLIC_URL: device.origin })) }
})

const email = 'naledi@people.example'
const firstPassword = 'seventeen quiet herons'
const secondPassword = 'a lantern for the ferry'

/** One call that must have this status; its body. */
async function ask(status: number, line: string, body?: unknown, token?: string): Promise<Record<string, unknown>> {
  const answer: Answer = await call(scene.service.url, line, { ...(body === undefined ? {} : { body }), token })
  expect([line, answer.status, answer.body]).toEqual([line, status, answer.body])
  return (answer.body ?? {}) as Record<string, unknown> // as the contract says
}

const tokenOf = (body: Record<string, unknown>) => (body as TokensBody).access_token

/** The secret of the newest mail to the person with a link to this page. */
async function receive(page: string): Promise<string> {
  const mails = await mailsTo(scene, { email })
  return secretOf(mails.findLast((mail) => textOf(mail).includes(`/${page}#token=`)))
}

it('a person is invited, signs in without a password, loses the passkey, resets the password, leaves, is exported and erased', async () => {
  const { service, device } = scene
  const firm: FirmId = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)

  // Invited by mail.
  await call(service.url, `POST /security-firms/${firm}/invitations`, {
    headers: admin.headers,
    body: { email, role: 'firm_user' },
  })
  const invitation = await receive('invitation')
  expect(await ask(200, `GET /invitations/${invitation}`)).toMatchObject({ email, role: 'firm_user' })

  // Registers, verifies the address, accepts.
  const names = { first_name: 'Naledi', last_name: 'Mokoena' }
  const registered = await ask(201, 'POST /auth/register', { email, password: firstPassword, ...names })
  const first = tokenOf(registered)
  const me = { id: (registered['user'] as { id: UserId }).id, email }
  const verification = await receive('verify-email')
  await ask(204, 'POST /auth/email/verify', { token: verification })
  await ask(200, `POST /invitations/${invitation}/accept`, undefined, first)

  // Adds a passkey and signs in with it alone.
  const options = await ask(200, 'POST /auth/passkeys/options', {}, first)
  const credential = { ...(await device.create(options)), name: 'My phone' }
  const { recovery_codes: codes } = await ask(201, 'POST /auth/passkeys', credential, first)
  const proof = await device.sign(await ask(200, 'POST /auth/login/passkey/options', {}))
  const second = tokenOf(await ask(200, 'POST /auth/login/passkey', proof))
  const uploaded = await uploadFile(service.url, firm, { ...me, headers: { authorization: `Bearer ${second}` } })
  expect(uploaded.status).toBe(201)

  // Loses it: a password and a recovery code.
  await device.clear()
  const { challenge } = await ask(200, 'POST /auth/login', { email, password: firstPassword })
  const [code] = codes as string[]
  const recovered = { challenge, method: 'recovery_code', code }
  const third = tokenOf(await ask(200, 'POST /auth/login/second-factor', recovered))

  // Sees the sessions, ends one.
  const sessions = (await call(service.url, 'GET /auth/sessions', { token: third })).body as {
    id: string
    current: boolean
  }[]
  expect(sessions).toHaveLength(3)
  await ask(200, 'GET /auth/me', undefined, first)
  const others = sessions.filter(({ current }) => !current)
  for (const { id } of others) await ask(204, `DELETE /auth/sessions/${id}`, undefined, third)
  await ask(401, 'GET /auth/me', undefined, first)
  await ask(401, 'GET /auth/me', undefined, second)

  // Resets the password: every session ends, and the second factor stays.
  await ask(202, 'POST /auth/password/forgot', { email })
  const reset = await receive('reset-password')
  await ask(204, 'POST /auth/password/reset', { token: reset, new_password: secondPassword })
  await ask(401, 'GET /auth/me', undefined, third)
  await ask(401, 'POST /auth/login', { email, password: firstPassword })
  const again = await ask(200, 'POST /auth/login', { email, password: secondPassword })
  expect(again).toMatchObject({ second_factor_required: true })
  const last = { challenge: again['challenge'], method: 'recovery_code', code: (codes as string[])[1] }
  const fourth = tokenOf(await ask(200, 'POST /auth/login/second-factor', last))

  // Leaves the firm.
  await ask(204, `DELETE /auth/me/memberships/${firm}`, undefined, fourth)
  await ask(403, `GET /security-firms/${firm}/documents`, undefined, fourth)
  expect(await ask(200, 'GET /auth/me', undefined, fourth)).toMatchObject({ id: me.id, email })

  // Is exported and erased.
  const exported = await ask(200, `GET /users/${me.id}/export`, undefined, fourth)
  expect(exported).toMatchObject({ account: { email, ...names }, documents: [{ firm_id: firm }], memberships: [] })
  const { headers } = await makePerson(service.app, { role: 'admin' })
  const erased = await call(service.url, `POST /users/${me.id}/erase`, { headers })
  expect(erased).toMatchObject({ status: 202, body: { is_complete: true, covers: 'everything' } })
  await ask(401, 'GET /auth/me', undefined, fourth)
  await ask(401, 'POST /auth/login', { email, password: secondPassword })
  await sealAll(service.app.db)
  expect((await findFaults(service.app.db)).findings).toEqual([])
})
