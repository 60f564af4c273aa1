import { readFile } from 'node:fs/promises'

import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type FreshDatabase, freshDatabase } from '../support/database/fresh-database.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, newRegistration, password } from './call-people.ts'

const platformTables = new URL('../../src/database/schema/migrations/0001-platform-tables.sql', import.meta.url)

let database: FreshDatabase
let service: TestService
beforeAll(async () => {
  database = await freshDatabase()
  await makePlatformTables(database.url)
  service = await startService({ DATABASE_URL: database.url })
})
afterAll(async () => {
  await service.stop()
  await database.drop()
})

/** The platform's tables, which exist before the first start of the service. */
async function makePlatformTables(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(await readFile(platformTables, 'utf8'))
  await client.query('drop table document_installation')
  await client.end()
}

it('a new person gets no tokens and cannot log in before the platform’s verification', async () => {
  const registration = newRegistration()
  const answer = await call(service.url, 'POST /auth/register', { body: registration })
  expect(answer).toMatchObject({ status: 201, body: { user: { email: registration['email'], is_verified: false } } })
  expect(answer.body).not.toHaveProperty('access_token')
  expect(answer.body).not.toHaveProperty('refresh_token')

  const login = { body: { email: registration['email'], password } }
  expect(await call(service.url, 'POST /auth/login', login)).toMatchObject({
    status: 403,
    body: { code: 'forbidden', detail: expect.stringContaining('not verified') },
  })
  const wrong = { body: { email: registration['email'], password: 'wrong horse battery' } }
  expect((await call(service.url, 'POST /auth/login', wrong)).status).toBe(401)

  await service.app.db
    .updateTable('registered_users')
    .set({ is_verified: true })
    .where('email', '=', registration['email'])
    .execute()
  expect((await call(service.url, 'POST /auth/login', login)).status).toBe(200)
})

it('cookie mode sets no cookie before the verification', async () => {
  const answer = await call(service.url, 'POST /auth/register', {
    body: newRegistration(),
    headers: { 'x-auth-mode': 'cookie', origin: service.url },
  })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('set-cookie')).toBeNull()
})

it('the platform’s people log in with their passwords there', async () => {
  const tokens = await logIn(service.url, await makePersonWithPassword(service.app))
  expect(tokens).toMatchObject({ token_type: 'bearer' })
})
