import { expect, it } from 'vitest'

import { uploadDocument } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { call, logIn, makePersonWithPassword } from './call-people.ts'
import { newKey, oldKey, openServices } from './services-of-one-database.ts'

const scene = sceneOfFile((closing) =>
  openServices(closing, {
    before: { JWT_SECRET_KEY: oldKey },
    after: { JWT_SECRET_KEY: newKey, JWT_SECRET_KEY_PREVIOUS: oldKey },
    afterLeak: { JWT_SECRET_KEY: newKey },
  }),
)

const me = (url: string, token: string) => call(url, 'GET /auth/me', { token })

it('tokens that were signed before a rotation stay valid with JWT_SECRET_KEY_PREVIOUS, and end without it', async () => {
  const tokens = await logIn(scene.before.url, await makePersonWithPassword(scene.before.app))
  expect((await me(scene.after.url, tokens.access_token)).status).toBe(200)
  expect((await me(scene.afterLeak.url, tokens.access_token)).status).toBe(401)

  const refresh = { body: { refresh_token: tokens.refresh_token } }
  expect((await call(scene.afterLeak.url, 'POST /auth/refresh', refresh)).status).toBe(401)
  const renewed = await call(scene.after.url, 'POST /auth/refresh', refresh)
  expect(renewed.status).toBe(200)
  // The new token has the new key.
  expect((await me(scene.afterLeak.url, (renewed.body as { access_token: string }).access_token)).status).toBe(200)
  expect((await me(scene.before.url, (renewed.body as { access_token: string }).access_token)).status).toBe(401)
})

it('links to local files that were signed before a rotation stay valid with JWT_SECRET_KEY_PREVIOUS', async () => {
  const firmId = await makeFirm(scene.before.app)
  const member = await makeMember(scene.before.app, firmId)
  const { id } = await uploadDocument(scene.before.url, firmId, member)
  const answer = await fetch(`${scene.before.url}/api/v1/security-firms/${firmId}/documents/${id}/download`, {
    headers: { ...member.headers, accept: 'application/json' },
  })
  const { url: path } = (await answer.json()) as { url: string }
  expect((await fetch(`${scene.after.url}${path}`)).status).toBe(200)
  expect((await fetch(`${scene.afterLeak.url}${path}`)).status).toBe(403)
})
