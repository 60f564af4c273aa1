import { sessionRow } from '../support/people/session-row.ts'
import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { insertSession } from '../../src/database/people/sessions.ts'
import type { DocumentId, FirmId, UserId } from '../../src/vocabulary/vocabulary.ts'
import { maxSessions } from '../../src/people/sessions/session-limits.ts'
import { housekeeping } from '../../src/worker/jobs.ts'
import { makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

const now = new Date()
const ago = (time: { days?: number; hours?: number }) =>
  new Date(now.getTime() - (time.days ?? 0) * 86_400_000 - (time.hours ?? 0) * 3_600_000)

const answer = (key: string, at: Date) => ({
  firm_id: randomUUID() as FirmId,
  user_id: randomUUID() as UserId,
  route: 'documents',
  key,
  fingerprint: 'registration_certificate:0',
  document_id: randomUUID() as DocumentId,
  version: 1,
  created_at: at,
})

const failure = (email: string, at: Date, lockedUntil: Date | null = null) => ({
  email_sha256: email,
  failed_at: [at],
  locked_until: lockedUntil,
})

function runHousekeeping(needs = service.app) {
  return housekeeping.run(needs, AbortSignal.timeout(30_000))
}

test('answers under an Idempotency-Key are deleted after seven days, and not before', async () => {
  const { db } = service.app
  await db
    .insertInto('document_idempotency_keys')
    .values([answer('past', ago({ days: 7, hours: 1 })), answer('counts', ago({ days: 6, hours: 23 }))])
    .execute()

  const first = await runHousekeeping()
  const second = await runHousekeeping()

  expect([first, second]).toEqual([{ forgotten_answers: 1 }, { forgotten_answers: 0 }])
  expect(await db.selectFrom('document_idempotency_keys').select('key').execute()).toEqual([{ key: 'counts' }])
})

test('expired refresh tokens are deleted, and sessions with their last token', async () => {
  const { db } = service.app
  const session = async (expiries: Date[]) => {
    const row = sessionRow(randomUUID() as UserId, ago({ days: 60 }))
    const { id } = row
    await db.insertInto('document_sessions').values(row).execute()
    for (const expiry of expiries)
      await db
        .insertInto('document_refresh_tokens')
        .values({
          id: randomUUID(),
          session_id: id,
          issued_at: ago({ days: 60 }),
          expires_at: expiry,
          used_at: null,
          successor_id: null,
        })
        .execute()
    return id
  }
  await session([ago({ days: 20 }), ago({ hours: 1 })])
  const alive = await session([ago({ days: 1 }), ago({ hours: -1 })])

  await runHousekeeping()

  expect(await db.selectFrom('document_sessions').select('id').execute()).toEqual([{ id: alive }])
  expect(await db.selectFrom('document_refresh_tokens').select('expires_at').execute()).toEqual([
    { expires_at: ago({ hours: -1 }) },
  ])
})

test('failed logins are deleted after a day, unless they still lock somebody out', async () => {
  const { db } = service.app
  await db
    .insertInto('document_login_failures')
    .values([
      failure('past', ago({ hours: 25 })),
      failure('past and unlocked', ago({ hours: 48 }), ago({ hours: 47 })),
      failure('counts', ago({ hours: 23 })),
      failure('locks', ago({ hours: 25 }), ago({ hours: -1 })),
    ])
    .execute()

  await runHousekeeping()

  const left = await db.selectFrom('document_login_failures').select('email_sha256').orderBy('email_sha256').execute()
  expect(left).toEqual([{ email_sha256: 'counts' }, { email_sha256: 'locks' }])
})

test('a machine whose clock is a month ahead deletes nothing that is still valid', async () => {
  const { app } = service
  await app.db.deleteFrom('document_idempotency_keys').execute()
  await app.db.insertInto('document_idempotency_keys').values(answer('of today', now)).execute()
  await app.db.insertInto('document_login_failures').values(failure('of today', now)).execute()
  const tokensOf = async () => app.db.selectFrom('document_refresh_tokens').select('id').orderBy('id').execute()
  const person = await makePerson(app)
  await app.db.transaction().execute(async (trx) => {
    const visitor = { requestId: 'r', ip: '192.0.2.1', userAgent: 'a test' }
    const times = { startedAt: now, expiresAt: ago({ days: -30 }) }
    await insertSession(trx, {
      userId: person.id,
      ...times,
      lastUsedAt: times.startedAt,
      restriction: null,
      visitor,
      maxSessions,
    })
  })
  const tokens = await tokensOf()

  await runHousekeeping({ ...app, now: () => ago({ days: -31 }) })

  expect(await app.db.selectFrom('document_idempotency_keys').select('key').execute()).toEqual([{ key: 'of today' }])
  expect(await tokensOf()).toEqual(tokens)
  const failures = app.db.selectFrom('document_login_failures').select('email_sha256')
  expect(await failures.where('email_sha256', '=', 'of today').execute()).toHaveLength(1)
})

test('missing months for events are created, and existing ones stay unchanged', async () => {
  const { db } = service.app
  const months = async () => {
    const { rows } = await sql<{ name: string }>`
      select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'document_events'::regclass order by 1`.execute(db)
    return rows.map(({ name }) => name)
  }
  const before = await months()
  const last = before.findLast((name) => name !== 'document_events_default') ?? ''
  await sql`drop table ${sql.table(last)}`.execute(db)

  await runHousekeeping()
  await runHousekeeping()

  expect(before).toHaveLength(5)
  expect(await months()).toEqual(before)
})

test('a month that cannot be created is logged, and the other work is done', async () => {
  const { db } = service.app
  const { rows } = await sql<{ name: string; time: string }>`
    select 'document_events_' || to_char(time, 'YYYY_MM') as name, time::text as time
    from (select date_trunc('month', now() at time zone 'UTC') + interval '2 months 1 day' as time) as ahead`.execute(
    db,
  )
  const { name = '', time = '' } = rows[0] ?? {}
  await sql`drop table ${sql.table(name)}`.execute(db)
  await sql`insert into document_events (occurred_at, action, outcome, request_id, personal_commitment)
    values (${time}::timestamp at time zone 'UTC', 'test', 'ok', '', sha256(''))`.execute(db)

  expect(await runHousekeeping()).toEqual({ forgotten_answers: 0 })

  const logged = service.logLines.map((line) => JSON.parse(line) as { event?: string; month?: string })
  expect(logged.filter(({ event }) => event === 'event_month_missing')).toMatchObject([
    { month: `${time.slice(0, 7)}-01` },
  ])
})

test('runs for a disk are deleted a week after the last one', async () => {
  const { db } = service.app
  await sql`
    insert into document_runs (task, place, known_since, ended_at) values
      ('drain', 'past', ${ago({ days: 30 })}, ${ago({ days: 7, hours: 1 })}),
      ('drain', 'counts', ${ago({ days: 30 })}, ${ago({ days: 6, hours: 23 })}),
      ('purge', '', ${ago({ days: 30 })}, ${ago({ days: 20 })})`.execute(db)

  await runHousekeeping()

  const { rows } = await sql`select place from document_runs order by place`.execute(db)
  expect(rows).toEqual([{ place: '' }, { place: 'counts' }])
})
