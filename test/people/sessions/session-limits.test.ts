import { expect, it } from 'vitest'

import { removeExpiredSessions } from '../../../src/database/people/sessions.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { call, later, logIn, makePersonWithPassword, openWithClock, refresh, refreshed } from '../call-people.ts'

const scene = sceneOfFile(openWithClock)

const hour = 60 * 60
const day = 24 * hour

it('a session ends 30 days after its login, also if it was refreshed', async () => {
  const start = new Date()
  scene.clock.now = start
  const person = await makePersonWithPassword(scene.service.app)
  let tokens = await logIn(scene.url, person)
  scene.clock.now = later(start, 20 * day)
  tokens = await refreshed(scene.url, tokens.refresh_token)
  scene.clock.now = later(start, 30 * day - 60)
  tokens = await refreshed(scene.url, tokens.refresh_token)
  expect(tokens.expires_in).toBeLessThanOrEqual(60)
  scene.clock.now = later(start, 30 * day + 1)
  expect((await refresh(scene.url, tokens.refresh_token)).status).toBe(401)
  expect((await call(scene.url, 'GET /auth/me', { token: tokens.access_token })).status).toBe(401)

  await removeExpiredSessions(scene.service.app.db, scene.clock.now)
  const { db } = scene.service.app
  const left = await db.selectFrom('document_sessions').select('id').where('user_id', '=', person.id).execute()
  expect(left).toEqual([])
})

it('a person has at most 100 open sessions, and the one that was not used for longest ends first', async () => {
  scene.clock.now = new Date()
  const person = await makePersonWithPassword(scene.service.app)
  const first = await logIn(scene.url, person)
  for (let login = 0; login < 100; login += 1) {
    scene.clock.now = later(scene.clock.now, 1)
    await logIn(scene.url, person)
  }
  const last = await logIn(scene.url, person)
  const sessions = await call(scene.url, 'GET /auth/sessions', { token: last.access_token })
  expect(sessions.body).toHaveLength(100)
  expect((await call(scene.url, 'GET /auth/me', { token: first.access_token })).status).toBe(401)
})

it('the session of an administrator ends 12 hours after its login', async () => {
  const start = new Date()
  scene.clock.now = start
  const person = await makePersonWithPassword(scene.service.app, { role: 'admin' })
  const tokens = await logIn(scene.url, person)
  scene.clock.now = later(start, 12 * hour - 60)
  const next = await refreshed(scene.url, tokens.refresh_token)
  scene.clock.now = later(start, 12 * hour + 1)
  expect((await refresh(scene.url, next.refresh_token)).status).toBe(401)
})

it('the session of a person who became an administrator ends 12 hours after its login', async () => {
  const start = new Date()
  scene.clock.now = start
  const person = await makePersonWithPassword(scene.service.app)
  const tokens = await logIn(scene.url, person)
  await scene.service.app.db
    .updateTable('registered_users')
    .set({ role: 'admin' })
    .where('id', '=', person.id)
    .execute()
  scene.clock.now = later(start, 12 * hour + 1)
  expect((await refresh(scene.url, tokens.refresh_token)).status).toBe(401)
})

it('the session of a person who became a reviewer ends 12 hours after its login', async () => {
  const start = new Date()
  scene.clock.now = start
  const person = await makePersonWithPassword(scene.service.app)
  const tokens = await logIn(scene.url, person)
  const role = { user_id: person.id, role: 'reviewer', granted_by: person.id } as const
  await scene.service.app.db.insertInto('document_platform_roles').values(role).execute()
  scene.clock.now = later(start, 12 * hour - 60)
  const next = await refreshed(scene.url, tokens.refresh_token)
  expect(next.expires_in).toBeLessThanOrEqual(60)
  scene.clock.now = later(start, 12 * hour + 1)
  expect((await refresh(scene.url, next.refresh_token)).status).toBe(401)
})
