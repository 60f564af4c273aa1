import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { Secret, TOTP } from 'otpauth'
import { expect, it } from 'vitest'

import { endSessionsOf } from '../../../src/database/people/sessions.ts'
import { waitUntilWaiting } from '../../support/database/wait-for-lock.ts'
import { makePerson } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { call, later, logIn, makePersonWithPassword, password, openWithClock } from '../call-people.ts'

const scene = sceneOfFile(openWithClock)

it('an administrator’s older session links no login, makes no reviewer and resets no factors without the password', async () => {
  const administrator = await makePersonWithPassword(scene.service.app, { role: 'admin' })
  const { access_token: token } = await logIn(scene.url, administrator)
  const { id } = await makePerson(scene.service.app)
  const link = (more: object = {}) =>
    call(scene.url, `POST /users/${id}/identities`, {
      token,
      body: { subject: randomUUID().slice(1), issuer: 'https://login.example', ...more },
    })
  const promote = (more: object = {}) =>
    call(scene.url, `PUT /users/${id}/platform-role`, { token, body: { role: 'reviewer', ...more } })
  const reset = () => call(scene.url, `DELETE /users/${id}/second-factor`, { token })

  scene.clock.now = later(scene.clock.now, 11 * 60)
  for (const answer of [await link(), await promote(), await reset()])
    expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('Confirm that it is you') } })
  expect((await link({ password: 'a wrong password' })).status).toBe(403)

  // The password counts as another login for ten minutes.
  expect((await link({ password })).status).toBe(201)
  expect([(await promote()).status, (await reset()).status]).toEqual([200, 204])
})

it('a session that ends while its factor waits for a lock adds none', async () => {
  const { db } = scene.service.app
  const person = await makePersonWithPassword(scene.service.app)
  const { access_token: token } = await logIn(scene.url, person)
  const begun = await call(scene.url, 'POST /auth/second-factor/totp', { token })
  const secret = Secret.fromBase32((begun.body as { secret: string }).secret)
  const code = new TOTP({ secret }).generate({ timestamp: scene.clock.now.getTime() })

  const confirmed = await db.transaction().execute(async (trx) => {
    await trx.selectFrom('registered_users').select('id').where('id', '=', person.id).forUpdate().execute()
    const confirming = call(scene.url, 'POST /auth/second-factor/totp/confirm', { token, body: { code } })
    await waitUntilWaiting(db)
    await endSessionsOf(trx, person.id, scene.clock.now)
    return { answer: confirming }
  })

  expect((await confirmed.answer).status).toBe(401)
  const { rows } = await sql`select confirmed_at from document_totp where user_id = ${person.id}`.execute(db)
  expect(rows).toEqual([{ confirmed_at: null }])
})
