import { sql } from 'kysely'
import { Secret, TOTP } from 'otpauth'
import { expect, it } from 'vitest'

import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { call, later, logIn, makePersonWithPassword, password, serveAt } from '../call-people.ts'
import { newKey, oldKey, openServices } from '../services-of-one-database.ts'

const scene = sceneOfFile((closing) =>
  openServices(closing, {
    before: { JWT_SECRET_KEY: oldKey },
    during: { JWT_SECRET_KEY: newKey, JWT_SECRET_KEY_PREVIOUS: oldKey },
    afterwards: { JWT_SECRET_KEY: newKey },
  }),
)

async function enrol() {
  const person = await makePersonWithPassword(scene.before.app)
  const { access_token: token } = await logIn(scene.before.url, person)
  const { body } = await call(scene.before.url, 'POST /auth/second-factor/totp', { token })
  const app = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) })
  const confirm = { token, body: { code: app.generate() } }
  expect((await call(scene.before.url, 'POST /auth/second-factor/totp/confirm', confirm)).status).toBe(200)
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
    select sealed_secret as sealed from document_totp where user_id = ${id}`.execute(scene.before.app.db)
  return rows[0]?.sealed.toString('hex') ?? ''
}

it('an app that is used during a rotation works afterwards: its secret is encrypted again with the new key', async () => {
  const person = await enrol()
  const sealed = await sealedOf(person.id)
  expect(await logInWith(scene.during, person, 2)).toBe(200)
  expect(await sealedOf(person.id)).not.toBe(sealed)
  expect(await logInWith(scene.afterwards, person, 4)).toBe(200)
  expect(await logInWith(scene.before, person, 6)).toBe(401)
})

it('an app that is not used during a rotation is denied afterwards, also with the right code', async () => {
  const person = await enrol()
  expect(await logInWith(scene.afterwards, person, 2)).toBe(401)
  const details = await scene.before.app.db
    .selectFrom('document_trail')
    .select('details')
    .where('actor_id', '=', person.id)
    .where('action', '=', 'session.refused')
    .execute()
  expect(details).toEqual([{ details: { method: 'totp', reason: 'secret_not_decrypted' } }])
})
