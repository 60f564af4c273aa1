import { sql } from 'kysely'
import { beforeAll, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { personExportShape } from '../../src/contract/personal-data.ts'
import { startExport } from '../../src/people/personal-data/export-person.ts'
import type { UserId } from '../../src/vocabulary/vocabulary.ts'
import { countStatements } from '../support/database/count-statements.ts'
import { openMailScene } from '../mail/mail-scene.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { call, newRegistration } from '../people/call-people.ts'
import { type Life, liveALife } from './live-a-life.ts'

const scene = sceneOfFile((closing) => openMailScene(closing, { TRUST_PROXY: '1', EXPORTS_PER_PERSON: '3' }))

let life: Life
beforeAll(async () => {
  life = await liveALife(scene)
})

const exportOf = (userId: string, headers: Record<string, string>) =>
  call(scene.service.url, `GET /users/${userId}/export`, { headers })

const asSelf = () => ({ authorization: `Bearer ${life.token}` })

it('a person gets everything that the service holds of them, as a file', async () => {
  const { status, headers, body } = await exportOf(life.id, asSelf())

  expect(status).toBe(200)
  expect(headers.get('content-disposition')).toBe(`attachment; filename=person-${life.id}.json`)
  expect(headers.get('cache-control')).toBe('no-store')
  for (const word of life.words.filter((each) => each !== life.former))
    expect(JSON.stringify(body).toLowerCase()).toContain(word.toLowerCase())
  expect(body).toMatchObject({
    user_id: life.id,
    account: { email: life.email, role: 'user', is_locked: false },
    totp_confirmed_at: expect.stringMatching(/Z$/),
    recovery_codes_left: 10,
    memberships: [{ firm_id: life.ownFirm, role: 'firm_admin', status: 'active' }],
    api_keys: [{ firm_id: life.ownFirm, scopes: ['documents:read'] }],
    invitations_received: [{ role: 'firm_user' }],
    invitations_made: [{ firm_id: life.ownFirm, role: 'firm_user' }],
    former_memberships: [],
    platform_roles: [],
    registered_firms: [{ firm_id: life.ownFirm }],
    legal_holds: [],
    uploads: [
      { firm_id: life.ownFirm, document_type: 'registration_certificate', total_bytes: 1000, api_key_id: null },
    ],
    documents: [{ document_id: life.documentId, version: 1, review_status: 'pending' }],
  })
  expect(personExportShape.strict().safeParse(body).error).toBeUndefined()
  const { messages } = body as { messages: { facts: object }[] }
  expect(messages.flatMap(({ facts }) => Object.keys(facts))).toContain('firm_name')
  expect(namesIn(body).filter((name) => /[A-Z]/.test(name))).toEqual([])
  const { events, events_about: about } = body as Record<'events' | 'events_about', { action: string }[]>
  expect(about.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['session.refused', 'identity.linked', 'identity.unlinked']),
  )
  expect(events.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['account.registered', 'session.refused', 'document.uploaded', 'person.exported']),
  )
})

function namesIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return []
  const own = Array.isArray(value) ? [] : Object.keys(value)
  return [...own, ...Object.values(value).flatMap(namesIn)]
}

it('what others did about a person is in their export: role, lock, membership; and the firm that they left', async () => {
  const { app, url } = scene.service
  const [person, administrator] = [await makePerson(app), await makePerson(app, { role: 'admin' })]
  const firm = await makeFirm(app)
  const firmAdmin = await makeMember(app, firm)
  await addMember(app, firm, person, { role: 'firm_user' })
  const ask = (line: string, by: Person, body?: unknown) => call(url, line, { headers: by.headers, body })
  const member = `/security-firms/${firm}/members/${person.id}`
  const statuses = [
    await ask(`PATCH ${member}`, firmAdmin, { role: 'firm_supervisor' }),
    await ask(`PATCH /users/${person.id}`, administrator, { is_locked: true }),
    await ask(`PATCH /users/${person.id}`, administrator, { is_locked: false }),
    await ask(`PUT /users/${person.id}/platform-role`, administrator, { role: 'reviewer' }),
    await ask(`DELETE ${member}`, firmAdmin),
  ].map(({ status }) => status)
  expect(statuses).toEqual([200, 200, 200, 200, 204])

  const { body } = await exportOf(person.id, administrator.headers)

  const { events_about: about } = body as { events_about: { action: string; actor_id: string; personal: unknown }[] }
  expect(about.map(({ action, actor_id: by }) => [action, by])).toEqual([
    ['member.changed', firmAdmin.id],
    ['user.changed', administrator.id],
    ['user.changed', administrator.id],
    ['user.platform_role_changed', administrator.id],
    ['member.removed', firmAdmin.id],
    ['person.exported', administrator.id],
  ])
  expect(about.every(({ personal }) => JSON.stringify(personal) === '{}')).toBe(true)
  expect(body).toMatchObject({ former_memberships: [{ firm_id: firm, left_at: expect.stringMatching(/^2/) }] })
})

it('notes on an application, which others may have written, are not in an export', async () => {
  const { app } = scene.service
  const reviewer = await makePerson(app)
  const firm = await makeFirm(app)
  await sql`
    insert into firm_applications (id, firm_id, status, reviewed_by, reviewed_at, rejection_reason, admin_notes)
    values (gen_random_uuid(), ${firm}, 'rejected', ${reviewer.id}, now(), 'a reason', 'a note of somebody else')`.execute(
    app.db,
  )

  const { body } = await exportOf(reviewer.id, reviewer.headers)

  expect(body).toMatchObject({ applications_reviewed: [{ firm_id: firm, rejection_reason: 'a reason' }] })
  expect(JSON.stringify(body)).not.toContain('a note of somebody else')
})

it('an account that has not verified its e-mail gets nothing that is found by the e-mail', async () => {
  const { app, url } = scene.service
  const { body: registered } = await call(url, 'POST /auth/register', { body: newRegistration() })
  const { user } = registered as { user: { id: UserId; email: string } }
  await call(url, 'POST /auth/login', { body: { email: user.email, password: 'not the password' } })
  const administrator = await makePerson(app, { role: 'admin' })

  const before = await exportOf(user.id, administrator.headers)
  await app.db.deleteFrom('document_unverified_emails').where('user_id', '=', user.id).execute()
  const after = await exportOf(user.id, administrator.headers)

  expect(before.body).toMatchObject({ mails: [], failed_logins: null })
  expect(after.body).toMatchObject({
    mails: [{ kind: 'email_verification' }],
    failed_logins: [expect.any(String)],
  })
})

it('an export has no secret, and no hash of one', async () => {
  const { body } = await exportOf(life.id, asSelf())
  const { rows } = await sql<{ secret: string }>`
    select password_hash as secret from registered_users where id = ${life.id}
    union select encode(password_mark, 'hex') from document_sessions where user_id = ${life.id}
    union select encode(key_sha256, 'hex') from document_api_keys where user_id = ${life.id}
    union select encode(sealed_secret, 'hex') from document_totp where user_id = ${life.id}
    union select encode(code_sha256, 'hex') from document_recovery_codes where user_id = ${life.id}
    union select credential_id from document_passkeys where user_id = ${life.id}
    union select encode(sha256, 'hex') from document_link_tokens where subject_id = ${life.id}`.execute(
    scene.service.app.db,
  )
  const secrets = [...rows.map(({ secret }) => secret), life.apiKey.slice(12), life.refreshToken]

  expect(secrets.length).toBeGreaterThan(15)
  for (const secret of secrets) expect(JSON.stringify(body)).not.toContain(secret)
})

it('an administrator may, and the event names both; nobody else may', async () => {
  const { app } = scene.service
  const other: Person = await makePerson(app)

  expect((await exportOf(life.id, life.administrator.headers)).status).toBe(200)
  expect(await exportOf(life.id, other.headers)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await exportOf(life.id, { authorization: `Bearer ${life.apiKey}` })).status).toBe(403)
  const missing = await exportOf('00000000-0000-4000-8000-000000000000', life.administrator.headers)
  expect(missing).toMatchObject({ status: 404, body: { code: 'not_found' } })
  const events = await app.db
    .selectFrom('document_events')
    .select(['actor_id', 'details', 'outcome'])
    .where('action', '=', 'person.exported')
    .where('actor_id', 'in', [life.administrator.id, other.id])
    .orderBy('occurred_at')
    .execute()
  expect(events).toEqual([
    { actor_id: life.administrator.id, outcome: 'ok', details: { user_id: life.id } },
    { actor_id: other.id, outcome: 'forbidden', details: { user_id: life.id } },
    {
      actor_id: life.administrator.id,
      outcome: 'not_found',
      details: { user_id: '00000000-0000-4000-8000-000000000000' },
    },
  ])
})

it('the pages of a long export are read as the client receives them', async () => {
  const { app } = scene.service
  const person = await makePerson(app)
  await sql`
    insert into document_trail (action, outcome, actor_id, ip, user_agent, request_id)
    select 'document.viewed', 'ok', ${person.id}::uuid, '203.0.113.200', 'a test', n::text from generate_series(1, 1000) n`.execute(
    app.db,
  )
  const pieces = await startExport(app, systemActor('a test'), person.id)
  let text = ''
  const untilEvents = await countStatements(app, async () => {
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
      text += piece.value
      if (text.includes('document.viewed')) break
    }
  })
  const rest = await countStatements(app, async () => {
    for await (const piece of pieces) text += piece
  })

  expect([untilEvents, rest].every((count) => count > 0)).toBe(true)
  expect(rest).toBe(6)
  const { events } = JSON.parse(text) as { events: { request_id: string }[] }
  expect(events.map(({ request_id: id }) => id)).toEqual(Array.from({ length: 1000 }, (_, index) => String(index + 1)))
})

it('more exports than the setting allows in an hour are denied', async () => {
  const person = await makePerson(scene.service.app)
  const statuses: number[] = []
  for (let each = 0; each < 4; each += 1) statuses.push((await exportOf(person.id, person.headers)).status)

  expect(statuses).toEqual([200, 200, 200, 429])
})
