import { Readable } from 'node:stream'

import { sql } from 'kysely'
import { beforeAll, expect, it, onTestFinished } from 'vitest'

import type { Heads, TrailFinding } from '../../src/audit/compare-trail.ts'
import { exportTrail } from '../../src/audit/export-trail.ts'
import { verifyExport } from '../../src/audit/verify-trail.ts'
import { recordEvent, systemActor } from '../../src/database/audit/events.ts'
import { addIdentity } from '../../src/people/accounts/identities.ts'
import { erase as eraseOnMachine } from '../../src/people/personal-data/erase-person.ts'
import { deleteFullBuckets } from '../../src/database/people/rate-limits.ts'
import { findFaults, sealAll } from '../audit/sealed-trail.ts'
import { openMailScene } from '../mail/mail-scene.ts'
import { addMember, makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { call, newRegistration, password, statusesOf } from '../people/call-people.ts'
import { findTraces } from './find-traces.ts'
import { type Life, liveALife } from './live-a-life.ts'

const scene = sceneOfFile((closing) => openMailScene(closing, { TRUST_PROXY: '1' }))

let life: Life
beforeAll(async () => {
  life = await liveALife(scene)
  await sealAll(scene.service.app.db)
})

const tracesOf = ({ words }: Pick<Life, 'words'>) => findTraces(scene.service.app.ownerConnection, words)

const ask = (line: string, body?: unknown, token?: string) => call(scene.service.url, line, { body, token })

const erase = ({ id, administrator }: Pick<Life, 'id' | 'administrator'>, body?: unknown) =>
  call(scene.service.url, `POST /users/${id}/erase`, { headers: administrator.headers, body })

it('the search finds the person in every table that names them, and in one that nobody thought of', async () => {
  const { db } = scene.service.app
  await sql`create table document_planted (note jsonb, raw bytea)`.execute(db)
  onTestFinished(async () => void (await sql`drop table document_planted`.execute(db)))
  await sql`insert into document_planted (raw) values (convert_to(${life.email}, 'UTF8'))`.execute(db)

  const traces = await tracesOf(life)

  expect([...new Set(traces.map((trace) => trace.split(':')[0]))]).toEqual(
    expect.arrayContaining([
      'document_api_keys',
      'document_event_persons',
      'document_identities',
      'document_invitations',
      'document_link_tokens',
      'document_login_failures',
      'document_mails',
      'document_passkeys',
      'document_planted',
      'document_sessions',
      'document_uploads',
      'registered_users',
    ]),
  )
  expect(traces.filter((trace) => trace.startsWith('document_events'))).toEqual([])
})

it('a firm is not left without a firm_admin, unless that is asked for', async () => {
  const denied = await erase(life)

  expect(denied).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect((denied.body as { detail: string }).detail).toContain(life.ownFirm)
  expect((await call(scene.service.url, 'GET /auth/me', { token: life.token })).status).toBe(200)
})

/** The heads of the present seals, as AUDIT_HEADS stores them. */
async function readHeads(): Promise<Heads> {
  const seals = await scene.service.app.db.selectFrom('document_seals').select(['number', 'hash']).execute()
  return new Map(seals.map(({ number, hash }) => [Number(number), new Set([hash.toString('hex')])]))
}

async function findInExport(heads: Heads): Promise<TrailFinding[]> {
  const [lines, findings]: [string[], TrailFinding[]] = [[], []]
  const needs = { db: scene.service.app.db, signal: new AbortController().signal }
  await exportTrail(needs, { filter: {}, write: async (line) => void lines.push(line) })
  for (const word of life.words) expect(lines.join('\n').toLowerCase()).not.toContain(word.toLowerCase())
  await verifyExport(Readable.from(lines), { heads, onFinding: (finding) => findings.push(finding) })
  return findings
}

it('nothing is left of an erased person but their id, and the trail, its heads and its exports still verify', async () => {
  const { app } = scene.service
  const heads = await readHeads()
  const erased = await erase(life, { even_last_admin: true })

  expect(erased).toMatchObject({ status: 202, body: { user_id: life.id, is_complete: true, covers: 'everything' } })
  await expect
    .poll(async () => {
      await deleteFullBuckets(app.db)
      return await tracesOf(life)
    })
    .toEqual([])
  const { rows: unsent } = await sql`
    select from document_mails where recipient = 'erased' and sent_at is null`.execute(app.db)
  expect(unsent).toEqual([])
  await sealAll(app.db)
  const { findings, verified } = await findFaults(app.db, heads)
  expect([findings, await findInExport(heads)]).toEqual([[], []])
  expect(heads.size).toBeGreaterThan(0)
  expect(verified.erased).toBeGreaterThan(10)
  const events = await app.db.selectFrom('document_events').selectAll().where('actor_id', '=', life.id).execute()
  expect(events.length).toBeGreaterThan(10)
})

it('the erased person is signed out everywhere, and the old password, key and tokens open nothing', async () => {
  const answers = [
    await ask('GET /auth/me', undefined, life.token),
    await ask('POST /auth/refresh', { refresh_token: life.refreshToken }),
    await ask('POST /auth/login', { email: life.email, password }),
    await ask('POST /auth/login', { email: `erased-${life.id}@erased.invalid`, password }),
    await ask(`GET /security-firms/${life.ownFirm}/documents/${life.documentId}`, undefined, life.apiKey),
  ]

  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
})

it('the documents stay the firm’s, and name the id of who uploaded them', async () => {
  const { url, app } = scene.service
  const colleague = await makePerson(app)
  await addMember(app, life.ownFirm, colleague)
  const answer = await call(url, `GET /security-firms/${life.ownFirm}/documents/${life.documentId}`, {
    headers: colleague.headers,
  })

  expect(answer).toMatchObject({ status: 200, body: { uploaded_by: life.id } })
})

it('a repeat succeeds, and the e-mail can be registered again', async () => {
  expect(await erase(life)).toMatchObject({ status: 202, body: { user_id: life.id, is_complete: true } })
  const again = await call(scene.service.url, 'POST /auth/register', { body: newRegistration({ email: life.email }) })

  expect(again.status).toBe(201)
  expect((again.body as { user: { id: string } }).user.id).not.toBe(life.id)
})

it('of two administrators who erase each other, one stays', async () => {
  const { app } = scene.service
  const [first, second] = [await makePerson(app, { role: 'admin' }), await makePerson(app, { role: 'admin' })]
  const answers = await Promise.all([
    erase({ id: second.id, administrator: first }),
    erase({ id: first.id, administrator: second }),
  ])

  expect(statusesOf(answers)).toEqual([202, 403])
})

it('the last administrator stays', async () => {
  const { app } = scene.service
  const last = await makePerson(app, { role: 'admin' })
  const others = sql`role = 'admin' and id <> ${last.id} and not is_suspended`
  const { rows } = await sql<{ id: string }>`
    update registered_users set is_suspended = true where ${others} returning id`.execute(app.db)
  const request = { userId: last.id, evenLastAdmin: true }

  await expect(eraseOnMachine(app, systemActor('a test'), request)).rejects.toMatchObject({ code: 'conflict' })
  const ids = rows.map(({ id }) => id)
  await sql`update registered_users set is_suspended = false where id = any (${ids}::uuid[])`.execute(app.db)
})

it('nobody erases themselves, or an unknown person', async () => {
  const { administrator } = life
  expect(await erase({ id: administrator.id, administrator })).toMatchObject({
    status: 409,
    body: { code: 'conflict' },
  })
  const unknown = { id: '00000000-0000-4000-8000-000000000000' as Life['id'], administrator }
  expect(await erase(unknown)).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

it('the same subject at another provider is another person, whose events stay', async () => {
  const { app } = scene.service
  const administrator = await makePerson(app, { role: 'admin' })
  const people = [await makePerson(app), await makePerson(app)] as const
  const subject = `shared-${people[0].id}`
  for (const [index, { id: userId }] of people.entries()) {
    const issuer = `https://login-${index}.example`
    await addIdentity({ db: app.db, mailIsOn: false, now: () => new Date() }, systemActor('a test'), {
      issuer,
      subject,
      userId,
    })
    const personal = { issuer, subject }
    await recordEvent(app.db, systemActor('a test'), {
      action: 'identity.refused',
      outcome: 'unauthenticated',
      personal,
    })
  }

  expect((await erase({ id: people[0].id, administrator })).status).toBe(202)

  const { rows } = await sql<{ issuer: string }>`
    select distinct fields ->> 'issuer' as issuer from document_event_persons where fields ->> 'subject' = ${subject}`.execute(
    app.db,
  )
  expect(rows).toEqual([{ issuer: 'https://login-1.example' }])
})
