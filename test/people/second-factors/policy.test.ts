import { Secret, TOTP } from 'otpauth'
import { expect, it } from 'vitest'

import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'
import { makePerson } from '../../support/people/people.ts'
import { systemActor } from '../../../src/database/audit/events.ts'
import { resetSecondFactorOf } from '../../../src/people/second-factors/reset-second-factor.ts'
import { call, logIn, makePersonWithPassword, password } from '../call-people.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ SECOND_FACTOR: 'administrators' })
  closing.defer(() => service.stop())
  return { service }
})

const ask = (line: string, token: string, body?: unknown) => call(scene.service.url, line, { token, body })
const statusOf = async (token: string) => (await ask('GET /auth/me', token)).status

async function enrolApp(token: string): Promise<void> {
  const { body } = await ask('POST /auth/second-factor/totp', token)
  const code = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) }).generate()
  expect((await ask('POST /auth/second-factor/totp/confirm', token, { code })).status).toBe(200)
}

const makeAdministrator = () => makePersonWithPassword(scene.service.app, { role: 'admin' })

it('an administrator without a second factor can only set one up, and then works at once', async () => {
  const { access_token: token } = await logIn(scene.service.url, await makeAdministrator())
  expect(await ask('GET /auth/me', token)).toMatchObject({ status: 403, body: { code: 'second_factor_required' } })
  await enrolApp(token)
  expect(await statusOf(token)).toBe(200)
})

it('other people need none', async () => {
  const { access_token: token } = await logIn(scene.service.url, await makePersonWithPassword(scene.service.app))
  expect(await statusOf(token)).toBe(200)
})

it('a session that a password alone started ends when another one sets up the factor', async () => {
  const person = await makeAdministrator()
  const [thief, own] = [await logIn(scene.service.url, person), await logIn(scene.service.url, person)]
  await enrolApp(own.access_token)
  expect(await statusOf(thief.access_token)).toBe(401)
  const refresh = await ask('POST /auth/refresh', '', { refresh_token: thief.refresh_token })
  expect(refresh.status).toBe(401)
})

it('without the last factor the session is restricted again', async () => {
  const { access_token: token } = await logIn(scene.service.url, await makeAdministrator())
  await enrolApp(token)
  expect((await ask('DELETE /auth/second-factor/totp', token, { password })).status).toBe(204)
  expect(await ask('GET /auth/me', token)).toMatchObject({ status: 403, body: { code: 'second_factor_required' } })
})

it('another administrator resets a lost factor, never their own, and the person is signed out', async () => {
  const person = await makeAdministrator()
  const { access_token: token } = await logIn(scene.service.url, person)
  await enrolApp(token)
  expect((await ask(`DELETE /users/${person.id.toUpperCase()}/second-factor`, token)).status).toBe(403)

  const administrator = await makePerson(scene.service.app, { role: 'admin' })
  const other = administrator.headers.authorization.replace('Bearer ', '')
  expect((await ask(`DELETE /users/${person.id}/second-factor`, other)).status).toBe(204)
  expect(await statusOf(token)).toBe(401)
  await logIn(scene.service.url, person)
  const { db } = scene.service.app
  const events = await db.selectFrom('document_trail').selectAll().where('action', '=', 'second_factor.reset').execute()
  expect(events.map(({ actor_id: actor, outcome }) => [actor, outcome])).toEqual([
    [person.id, 'forbidden'],
    [administrator.id, 'ok'],
  ])
})

it('the command on the machine resets a lost factor', async () => {
  const person = await makeAdministrator()
  const { access_token: token } = await logIn(scene.service.url, person)
  await enrolApp(token)
  await resetSecondFactorOf(scene.service.app, systemActor('a test'), person.email)
  expect(await statusOf(token)).toBe(401)
  await logIn(scene.service.url, person)
})

it('an IP address has no passkeys', async () => {
  const { access_token: token } = await logIn(scene.service.url, await makePersonWithPassword(scene.service.app))
  expect((await ask('POST /auth/passkeys/options', token)).status).toBe(409)
})
