import { afterAll, beforeAll, expect, it } from 'vitest'

import { uploadDocument } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { call, logIn, makePersonWithPassword } from './call-people.ts'

const oldKey = 'the key that was used before the rotation'
const newKey = 'the key that is used since the rotation'

let database: Awaited<ReturnType<typeof freshMigratedDatabase>>
let before: TestService
let after: TestService
let afterLeak: TestService
beforeAll(async () => {
  database = await freshMigratedDatabase()
  const DATABASE_URL = database.url
  before = await startService({ DATABASE_URL, JWT_SECRET_KEY: oldKey })
  const folders = { UPLOADS_DIR: `${before.folder}/uploads` }
  after = await startService({ ...folders, DATABASE_URL, JWT_SECRET_KEY: newKey, JWT_SECRET_KEY_PREVIOUS: oldKey })
  afterLeak = await startService({ ...folders, DATABASE_URL, JWT_SECRET_KEY: newKey })
})
afterAll(async () => {
  for (const service of [afterLeak, after, before]) await service.stop()
  await database.drop()
})

const me = (url: string, token: string) => call(url, 'GET /auth/me', { token })

it('tokens that were signed before a rotation stay valid with JWT_SECRET_KEY_PREVIOUS, and end without it', async () => {
  const tokens = await logIn(before.url, await makePersonWithPassword(before.app))
  expect((await me(after.url, tokens.access_token)).status).toBe(200)
  expect((await me(afterLeak.url, tokens.access_token)).status).toBe(401)

  const refresh = { body: { refresh_token: tokens.refresh_token } }
  expect((await call(afterLeak.url, 'POST /auth/refresh', refresh)).status).toBe(401)
  const renewed = await call(after.url, 'POST /auth/refresh', refresh)
  expect(renewed.status).toBe(200)
  // The new token has the new key.
  expect((await me(afterLeak.url, (renewed.body as { access_token: string }).access_token)).status).toBe(200)
  expect((await me(before.url, (renewed.body as { access_token: string }).access_token)).status).toBe(401)
})

it('links to local files that were signed before a rotation stay valid with JWT_SECRET_KEY_PREVIOUS', async () => {
  const firmId = await makeFirm(before.app)
  const member = await makeMember(before.app, firmId)
  const { id } = await uploadDocument(before.url, firmId, member)
  const answer = await fetch(`${before.url}/api/v1/security-firms/${firmId}/documents/${id}/download`, {
    headers: { ...member.headers, accept: 'application/json' },
  })
  const { url: path } = (await answer.json()) as { url: string }
  expect((await fetch(`${after.url}${path}`)).status).toBe(200)
  expect((await fetch(`${afterLeak.url}${path}`)).status).toBe(403)
})
