import { sql } from 'kysely'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, later, logIn, makePersonWithPassword, password, serveAt } from '../call-people.ts'

const oldKey = 'the key that was used before the rotation'
const newKey = 'the key that is used since the rotation'

let database: Awaited<ReturnType<typeof freshMigratedDatabase>>
let before: TestService
let during: TestService
let afterwards: TestService
beforeAll(async () => {
  database = await freshMigratedDatabase()
  const DATABASE_URL = database.url
  before = await startService({ DATABASE_URL, JWT_SECRET_KEY: oldKey })
  const folders = { UPLOADS_DIR: `${before.folder}/uploads`, DATABASE_URL }
  during = await startService({ ...folders, JWT_SECRET_KEY: newKey, JWT_SECRET_KEY_PREVIOUS: oldKey })
  afterwards = await startService({ ...folders, JWT_SECRET_KEY: newKey })
})
afterAll(async () => {
  for (const service of [afterwards, during, before]) await service.stop()
  await database.drop()
})

async function enrol() {
  const person = await makePersonWithPassword(before.app)
  const { access_token: token } = await logIn(before.url, person)
  const { body } = await call(before.url, 'POST /auth/second-factor/totp', { token })
  const app = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) })
  const confirm = { token, body: { code: app.generate() } }
  expect((await call(before.url, 'POST /auth/second-factor/totp/confirm', confirm)).status).toBe(200)
  return { ...person, app }
}

/** Logs in with a new code, some steps later. */
async function logInWith({ app: service }: TestService, person: { email: string; app: TOTP }, steps: number) {
  const served = await serveAt(service)
  const { url, clock } = served
  clock.now = later(new Date(), steps * 30)
  const { body } = await call(url, 'POST /auth/login', { body: { email: person.email, password } })
  const { challenge } = body as { challenge: string }
  const code = person.app.generate({ timestamp: clock.now.getTime() })
  const answer = await call(url, 'POST /auth/login/second-factor', { body: { challenge, method: 'totp', code } })
  await served.stop()
  return answer.status
}

async function sealedOf(id: UserId): Promise<string> {
  const { rows } = await sql<{ sealed: Buffer }>`
    select sealed_secret as sealed from document_totp where user_id = ${id}`.execute(before.app.db)
  return rows[0]?.sealed.toString('hex') ?? ''
}

it('an app that is used during a rotation works afterwards: its secret is encrypted again with the new key', async () => {
  const person = await enrol()
  const sealed = await sealedOf(person.id)
  expect(await logInWith(during, person, 2)).toBe(200)
  expect(await sealedOf(person.id)).not.toBe(sealed)
  expect(await logInWith(afterwards, person, 4)).toBe(200)
  expect(await logInWith(before, person, 6)).toBe(401)
})

it('an app that is not used during a rotation is denied afterwards, also with the right code', async () => {
  const person = await enrol()
  expect(await logInWith(afterwards, person, 2)).toBe(401)
  const details = await before.app.db
    .selectFrom('document_trail')
    .select('details')
    .where('actor_id', '=', person.id)
    .where('action', '=', 'session.refused')
    .execute()
  expect(details).toEqual([{ details: { method: 'totp', reason: 'secret_not_decrypted' } }])
})
