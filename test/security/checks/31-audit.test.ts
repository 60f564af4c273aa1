import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../../support/call-documents.ts'
import { makePng } from '../../support/make-files.ts'
import { makeMember, makePerson, type Person } from '../../support/people.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { describeCheck } from '../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

type AuditRow = {
  action: string
  outcome: string
  actor_id: string | null
  firm_id: string | null
  document_id: string | null
  occurred_at: Date
  ip: string
  user_agent: string
}

/** Each request has an id of its own, by which its line in the trail is found. */
async function eventsOf(requestId: string): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select action, outcome, actor_id, firm_id, document_id, occurred_at, ip, user_agent
    from document_events where request_id = ${requestId}`.execute(service.app.db)
  return rows
}

function accessesIn(logLines: string[], requestId: string): Record<string, unknown>[] {
  return logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event, request_id: id }) => event === 'document_access' && id === requestId)
}

async function asking(
  person: Person,
  ask: (headers: Record<string, string>) => Promise<Response>,
): Promise<{ requestId: string; answer: Response; about: object }> {
  const requestId = `audit-${randomUUID()}`
  const answer = await ask({ 'x-request-id': requestId, 'user-agent': 'a phone in the field' })
  await answer.arrayBuffer()
  return { requestId, answer, about: { actor_id: person.id, ip: '127.0.0.1', user_agent: 'a phone in the field' } }
}

describeCheck(31, () => {
  it('who, what, when, from where and with what outcome stands in the trail of upload, view, download and a look at the trail', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const get = (path: string) => asking(admin, (headers) => callDocuments(service.url, firm, admin, path, { headers }))
    const began = Date.now()

    const done = [
      ['document.uploaded', await asking(admin, (headers) => uploadFile(service.url, firm, admin, { headers }))],
      ['document.viewed', await get(`/${id}`)],
      ['document.downloaded', await get(`/${id}/download`)],
      ['document.history_viewed', await get(`/${id}/events`)],
    ] as const

    for (const [action, { requestId, answer, about }] of done) {
      expect([action, answer.ok]).toEqual([action, true])
      const events = await eventsOf(requestId)
      expect(events).toEqual([expect.objectContaining({ action, outcome: 'ok', firm_id: firm, ...about })])
      expect(events[0]?.document_id).toMatch(/^[0-9a-f-]{36}$/)
      const at = events[0]?.occurred_at.getTime() ?? 0
      expect(at).toBeGreaterThanOrEqual(began - 1000)
      expect(at).toBeLessThanOrEqual(Date.now() + 1000)
    }
    for (const [action, { requestId }] of done.slice(1))
      expect(accessesIn(service.logLines, requestId)).toEqual([
        expect.objectContaining({ action, outcome: 'ok', document_id: id, firm_id: firm, user_id: admin.id }),
      ])
  })

  it('so does every denied attempt, under the reason that was given', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const stranger = await makePerson(service.app)
    const get = (path: string) =>
      asking(stranger, (headers) => callDocuments(service.url, firm, stranger, path, { headers }))
    const firmPath = `${service.url}/api/v1/security-firms/${firm}`
    const getFirm = (path: string) =>
      asking(stranger, (headers) => fetch(`${firmPath}${path}`, { headers: { ...stranger.headers, ...headers } }))

    const denied = [
      [
        'document.uploaded',
        null,
        await asking(stranger, (headers) => uploadFile(service.url, firm, stranger, { headers })),
      ],
      ['documents.listed', null, await get('')],
      ['document.viewed', id, await get(`/${id}`)],
      ['document.downloaded', id, await get(`/${id}/download`)],
      ['document.history_viewed', id, await get(`/${id}/events`)],
      ['firm.viewed', null, await getFirm('')],
      ['members.listed', null, await getFirm('/members')],
    ] as const

    for (const [action, documentId, { requestId, answer, about }] of denied) {
      expect([action, answer.status]).toEqual([action, 403])
      expect(await eventsOf(requestId)).toEqual([
        expect.objectContaining({ action, outcome: 'not_a_member', firm_id: firm, document_id: documentId, ...about }),
      ])
    }
  })

  it('a refusal stands there under the code that was answered, whichever way it was decided', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const locked = await makePerson(service.app, { isLocked: true })
    const administrator = await makePerson(service.app, { role: 'admin' })
    const cases = [
      { who: locked, where: firm, status: 403, code: 'forbidden' },
      { who: administrator, where: randomUUID(), status: 404, code: 'not_found' },
    ]

    for (const { who, where, status, code } of cases)
      for (const path of ['', `/${id}`, `/${id}/download`, `/${id}/events`]) {
        const { requestId, answer, about } = await asking(who, (headers) =>
          callDocuments(service.url, where, who, path, { headers }),
        )
        expect([path, answer.status]).toEqual([path, status])
        expect(await eventsOf(requestId)).toEqual([
          expect.objectContaining({ outcome: code, firm_id: where, ...about }),
        ])
      }
  })

  it('a confidential paper that somebody may not know of leaves the attempt in its trail', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    await service.app.db
      .updateTable('document_types')
      .set({ confidential: true })
      .where('code', '=', 'identity_document')
      .execute()
    const { id } = await uploadDocument(service.url, firm, admin, {
      type: 'identity_document',
      bytes: makePng(),
      fileName: 'id.png',
    })
    const guard = await makeMember(service.app, firm, 'field_staff')

    for (const path of [`/${id}`, `/${id}/download`, `/${id}/events`]) {
      const { requestId, answer, about } = await asking(guard, (headers) =>
        callDocuments(service.url, firm, guard, path, { headers }),
      )
      expect(answer.status).toBe(404)
      expect(await eventsOf(requestId)).toEqual([
        expect.objectContaining({ outcome: 'not_found', firm_id: firm, document_id: id, ...about }),
      ])
    }
    const trail = await callDocuments(service.url, firm, admin, `/${id}/events`)
    const outcomes = ((await trail.json()) as { outcome: string }[]).map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'not_found')).toHaveLength(3)
  })

  it('a refused login stands there too, without the password and without the address of somebody unknown', async () => {
    const requestId = `audit-${randomUUID()}`
    const email = `${randomUUID()}@people.example`
    const answer = await fetch(`${service.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId },
      body: JSON.stringify({ email, password: 'a wrong password' }),
    })
    await answer.text()

    const { rows } = await sql<{ row: string }>`
    select to_jsonb(document_events)::text as row from document_events where request_id = ${requestId}`.execute(
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

  it('so does what somebody tries whose account is locked', async () => {
    const administrator = await makePerson(service.app, { role: 'admin' })
    const setUser = (values: object) =>
      service.app.db.updateTable('registered_users').set(values).where('id', '=', administrator.id).execute()
    await setUser({ password_hash: await service.app.passwords.hash('correct horse battery') })
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
      expect(await eventsOf(requestId)).toEqual([expect.objectContaining({ action, outcome: 'forbidden', ...about })])
    }
  })

  it('so does each login while an e-mail is locked out', async () => {
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
    expect(await eventsOf(requestId)).toEqual([
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
