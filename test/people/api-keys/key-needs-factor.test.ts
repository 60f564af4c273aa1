import { Secret, TOTP } from 'otpauth'
import { expect, it } from 'vitest'

import { uploadFile } from '../../support/documents/call-documents.ts'
import { addMember, makeFirm, makePerson, type Person } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, password } from '../call-people.ts'
import { openServices } from '../services-of-one-database.ts'

const scene = sceneOfFile((closing) =>
  openServices(closing, {
    before: {},
    everyone: { SECOND_FACTOR: 'everyone' },
    administrators: { SECOND_FACTOR: 'administrators' },
  }),
)

const scopes = ['documents:read', 'documents:write']

async function firmAdmin() {
  const person = await makePersonWithPassword(scene.before.app)
  const firmId = await makeFirm(scene.before.app)
  await addMember(scene.before.app, firmId, person, { role: 'firm_admin' })
  return { person, firmId }
}

const make = ({ url }: TestService, token: string, firmId?: string) =>
  call(url, 'POST /api-keys', { token, body: { name: 'a key', scopes, ...(firmId && { firm_id: firmId }) } })

async function keyFrom(token: string, firmId?: string): Promise<string> {
  const answer = await make(scene.before, token, firmId)
  expect(answer.status).toBe(201)
  return (answer.body as { key: string }).key
}

const list = async ({ url }: TestService, firmId: string, token: string) => {
  const { status, body } = await call(url, `GET /security-firms/${firmId}/documents`, { token })
  return status === 200 ? 200 : [status, (body as { code: string }).code]
}

async function enrol({ url }: TestService, token: string): Promise<void> {
  const { body } = await call(url, 'POST /auth/second-factor/totp', { token })
  const code = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) }).generate()
  expect((await call(url, 'POST /auth/second-factor/totp/confirm', { token, body: { code } })).status).toBe(200)
}

const denied = [403, 'second_factor_required']

it('a key does not act while its maker lacks the required second factor, and acts once they have it', async () => {
  const { person, firmId } = await firmAdmin()
  const key = await keyFrom((await logIn(scene.before.url, person)).access_token, firmId)
  expect(await list(scene.before, firmId, key)).toBe(200)
  expect(await list(scene.administrators, firmId, key)).toBe(200)
  expect(await list(scene.everyone, firmId, key)).toEqual(denied)
  const uploader: Person = { ...person, headers: { authorization: `Bearer ${key}` } }
  const upload = await uploadFile(scene.everyone.url, firmId, uploader)
  expect([upload.status, ((await upload.json()) as { code: string }).code]).toEqual(denied)

  const { access_token: token } = await logIn(scene.everyone.url, person)
  await enrol(scene.everyone, token)
  expect(await list(scene.everyone, firmId, key)).toBe(200)
  expect((await uploadFile(scene.everyone.url, firmId, uploader)).status).toBe(201)
  const removed = await call(scene.everyone.url, 'DELETE /auth/second-factor/totp', { token, body: { password } })
  expect(removed.status).toBe(204)
  expect(await list(scene.everyone, firmId, key)).toEqual(denied)
})

it('a key of an administrator does not act under the policy for administrators either', async () => {
  const { firmId } = await firmAdmin()
  const administrator = await makePersonWithPassword(scene.before.app, { role: 'admin' })
  const key = await keyFrom((await logIn(scene.before.url, administrator)).access_token)
  expect(await list(scene.before, firmId, key)).toBe(200)
  expect(await list(scene.administrators, firmId, key)).toEqual(denied)
})

it('no key is made by a person who lacks the factor, whatever token they have', async () => {
  const administrator = await makePerson(scene.before.app, { role: 'admin' })
  const ofPlatform = administrator.headers.authorization.replace('Bearer ', '')
  expect(await make(scene.administrators, ofPlatform)).toMatchObject({
    status: 403,
    body: { code: 'second_factor_required' },
  })
  // A session from before the policy has no restriction before its next refresh.
  const { person, firmId } = await firmAdmin()
  const { access_token: token } = await logIn(scene.before.url, person)
  expect((await call(scene.everyone.url, 'GET /auth/me', { token })).status).toBe(200)
  expect(await make(scene.everyone, token, firmId)).toMatchObject({
    status: 403,
    body: { code: 'second_factor_required' },
  })
})

it('a session that a password alone began before the policy ends when its person sets up the first factor', async () => {
  const { person, firmId } = await firmAdmin()
  const old = await logIn(scene.before.url, person)
  const { access_token: token } = await logIn(scene.everyone.url, person)
  await enrol(scene.everyone, token)
  expect((await call(scene.everyone.url, 'GET /auth/me', { token: old.access_token })).status).toBe(401)
  const refresh = { body: { refresh_token: old.refresh_token } }
  expect((await call(scene.everyone.url, 'POST /auth/refresh', refresh)).status).toBe(401)
  expect((await make(scene.everyone, token, firmId)).status).toBe(201)
})
