import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { findFaults, sealAll } from '../audit/sealed-trail.ts'
import { call, logIn, makePersonWithPassword, newRegistration } from '../people/call-people.ts'
import { freshDatabaseOfTwoRoles } from '../support/database/two-roles.ts'
import { addMember, makeFirm, makePerson } from '../support/people/people.ts'
import { freshPlatformDatabase } from '../support/platform/platform-database.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { findTraces } from './find-traces.ts'

/** Two services whose role owns nothing: beside the platform, and alone. */
const scene = sceneOfFile(async (closing) => {
  const platform = await freshPlatformDatabase()
  closing.defer(() => platform.remove())
  const beside = await startService({ ...platform.settings, TRUST_PROXY: '1' })
  closing.defer(() => beside.stop())
  const own = await freshDatabaseOfTwoRoles()
  closing.defer(() => own.remove())
  const alone = await startService({ ...own.settings, TRUST_PROXY: '1' })
  closing.defer(() => alone.stop())
  return { beside, alone, platform: platform.platform }
})

const [ip, userAgent] = ['203.0.113.41', 'Browser-of-Lerato/2']

/** A member of a firm who logged in. */
async function makeLerato({ app, url }: TestService) {
  const person = await makePersonWithPassword(app)
  await addMember(app, await makeFirm(app), person)
  const headers = { 'x-forwarded-for': ip, 'user-agent': userAgent }
  const login = await call(url, 'POST /auth/login', {
    headers,
    body: { email: person.email, password: 'correct horse battery' },
  })
  expect(login.status).toBe(200)
  return { ...person, token: (login.body as { access_token: string }).access_token }
}

async function erase({ app, url }: TestService, id: string, body?: unknown) {
  const { headers } = await makePerson(app, { role: 'admin' })
  return await call(url, `POST /users/${id}/erase`, { headers, body })
}

const ofEvents = (traces: string[]) => traces.filter((trace) => !trace.startsWith('document_rates'))

it('beside the platform the account and the membership stay, the rest goes, and the answer says so', async () => {
  const { beside: service, platform } = scene
  const person = await makeLerato(service)
  const rows = async () => {
    const account = await platform.query('select * from registered_users where id = $1', [person.id])
    const membership = await platform.query('select * from firm_users where user_id = $1', [person.id])
    return [...account.rows, ...membership.rows]
  }
  const before = await rows()
  await sql`insert into document_unverified_emails (user_id) values (${person.id})`.execute(service.app.db)
  const erased = await erase(service, person.id)
  const { rows: unverified } = await sql`
    select from document_unverified_emails where user_id = ${person.id}`.execute(service.app.db)
  expect(unverified).toHaveLength(1)

  expect(erased).toMatchObject({
    status: 202,
    body: { is_complete: true, covers: 'own_tables_and_events', detail: expect.stringContaining('erase them there') },
  })
  expect(await rows()).toEqual(before)
  expect(before).toHaveLength(2)
  expect((await call(service.url, 'GET /auth/me', { token: person.token })).status).toBe(401)
  expect(ofEvents(await findTraces(service.app.ownerConnection, [ip, userAgent]))).toEqual([])
  await sealAll(service.app.db)
  expect((await findFaults(service.app.db)).findings).toEqual([])
})

it('beside the platform an erased person whom it keeps can log in again, and a repeat erases that too', async () => {
  const { beside: service } = scene
  const person = await makeLerato(service)
  expect((await erase(service, person.id)).status).toBe(202)
  const { access_token: token } = await logIn(service.url, person)

  expect((await call(service.url, 'GET /auth/me', { token })).status).toBe(200)
  expect((await erase(service, person.id)).status).toBe(202)
  expect((await call(service.url, 'GET /auth/me', { token })).status).toBe(401)
})

it('a person whose row the platform removed is erased by the id', async () => {
  const { beside: service, platform } = scene
  const person = await makeLerato(service)
  await platform.query('delete from firm_users where user_id = $1', [person.id])
  await platform.query('delete from registered_users where id = $1', [person.id])

  expect(await erase(service, person.id)).toMatchObject({ status: 202 })
  expect(ofEvents(await findTraces(service.app.ownerConnection, [ip, userAgent]))).toEqual([])
  const { headers } = await makePerson(service.app, { role: 'admin' })
  const exported = await call(service.url, `GET /users/${person.id}/export`, { headers })
  expect(exported).toMatchObject({ status: 200, body: { account: null, events: [{ ip: null }] } })
})

it('the service’s role can erase a person alone too, where it owns no table', async () => {
  const { alone: service } = scene
  const person = await makeLerato(service)
  const denied = await erase(service, person.id)
  const erased = await erase(service, person.id, { even_last_admin: true })

  expect([denied.status, erased.status]).toEqual([409, 202])
  expect(ofEvents(await findTraces(service.app.ownerConnection, [person.email, ip, userAgent]))).toEqual([])
  const again = await call(service.url, 'POST /auth/register', { body: newRegistration({ email: person.email }) })
  expect(again.status).toBe(201)
})
