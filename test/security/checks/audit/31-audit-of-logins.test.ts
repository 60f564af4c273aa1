import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { makePerson } from '../../../support/people/people.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'
import { asking, eventsOf } from '../../requests-in-trail.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

describeCheck(31, () => {
  it('a denied login is audited, without the password and without the e-mail of an unknown person', async () => {
    const requestId = `audit-${randomUUID()}`
    const email = `${randomUUID()}@people.example`
    const answer = await fetch(`${service.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId },
      body: JSON.stringify({ email, password: 'a wrong password' }),
    })
    await answer.text()

    const { rows } = await sql<{ row: string }>`
    select to_jsonb(document_trail)::text as row from document_trail where details ->> 'caller_request_id' = ${requestId}`.execute(
      service.app.db,
    )
    expect(rows).toHaveLength(1)
    expect(JSON.parse(rows[0]?.row ?? '')).toMatchObject({
      action: 'session.refused',
      outcome: 'unauthenticated',
      actor_id: null,
      ip: '127.0.0.1',
    })
    expect(rows[0]?.row).not.toContain('a wrong password')
    expect(rows[0]?.row).not.toContain(email)
  })

  it('calls of a person whose account is locked are audited', async () => {
    const administrator = await makePerson(service.app, { role: 'admin' })
    const setUser = (values: object) =>
      service.app.db.updateTable('registered_users').set(values).where('id', '=', administrator.id).execute()
    await setUser({
      password_hash: await service.app.passwords.hash('correct horse battery', { ip: 'a test' }, { about: [] }),
    })
    const post = (path: string, body: object) =>
      asking(administrator, (headers) =>
        fetch(`${service.url}/api/v1${path}`, {
          method: 'POST',
          headers: { ...administrator.headers, ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      )
    const look = (path: string) =>
      asking(administrator, (headers) =>
        fetch(`${service.url}/api/v1${path}`, { headers: { ...administrator.headers, ...headers } }),
      )
    const credentials = { email: administrator.email, password: 'correct horse battery' }
    const login = await fetch(`${service.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(credentials),
    })
    const { refresh_token: token } = (await login.json()) as { refresh_token: string }
    await setUser({ is_locked: true })

    const denied = [
      ['session.refused', await post('/auth/login', credentials)],
      ['session.refused', await post('/auth/refresh', { refresh_token: token })],
      ['firm.registered', await post('/security-firms/register', firmToRegister)],
      ['document_type.added', await post('/document-types', { code: 'fire_safety', name: 'Fire safety' })],
      ['account.viewed', await look('/auth/me')],
      ['firms.listed', await look('/security-firms')],
      ['document_types.listed', await look('/document-types')],
      ['document_type.viewed', await look('/document-types/tax_clearance')],
    ] as const
    for (const [action, { requestId, answer, about }] of denied) {
      expect([action, answer.status]).toEqual([action, 403])
      expect(await eventsOf(service, requestId)).toEqual([
        expect.objectContaining({ action, outcome: 'forbidden', ...about }),
      ])
    }
  })

  it('each login during a lockout is audited', async () => {
    const person = await makePerson(service.app)
    const guess = () =>
      asking(person, (headers) =>
        fetch(`${service.url}/api/v1/auth/login`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify({ email: person.email, password: 'a wrong password' }),
        }),
      )
    await Promise.all(Array.from({ length: 10 }, guess))

    const { requestId, answer, about } = await guess()

    expect(answer.status).toBe(429)
    expect(await eventsOf(service, requestId)).toEqual([
      expect.objectContaining({ action: 'session.refused', outcome: 'rate_limited', ...about }),
    ])
  })
})

const firmToRegister = {
  name: 'Umkhonto Guarding',
  registration_number: randomUUID(),
  email: 'office@umkhonto.example',
  phone: '+27 11 555 0101',
  address: '1 Long Street, Cape Town',
  province: 'Western Cape',
}
