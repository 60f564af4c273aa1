import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { Tx } from '../../src/database/connection/client.ts'
import {
  deleteAccess,
  deleteCounters,
  deleteMailAndInvitations,
  findPersonKeys,
} from '../../src/database/personal-data/erase-account.ts'
import { deleteFieldsAbout } from '../../src/database/personal-data/erase-fields.ts'
import { pageSection } from '../../src/database/personal-data/read-person.ts'
import { deleteFactors } from '../../src/database/second-factors/factors.ts'
import type { Sha256 } from '../../src/vocabulary/vocabulary.ts'
import { rowsReadBy } from '../support/database/rows-read.ts'
import { makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

/** Rows of other people in every table that grows with the number of people. */
const many = 5000
const fillings: Record<string, string> = {
  document_idempotency_keys: `(firm_id, user_id, route, key, fingerprint, document_id, version)
    select gen_random_uuid(), gen_random_uuid(), 'documents', n::text, 'x', gen_random_uuid(), 1`,
  document_rates: `(bucket, seconds_each, spent_until, granted) select 'uploads:person:' || gen_random_uuid(), 1, now(), 1`,
  document_mails: `(id, kind, recipient, subject_id) select gen_random_uuid(), 'invitation', n || '@x.example', gen_random_uuid()`,
  document_link_tokens: `(sha256, purpose, subject_id, email_sha256, created_at, expires_at)
    select sha256(n::text::bytea), 'invitation', gen_random_uuid(), md5(n::text), now(), now() + interval '1 day'`,
  document_invitations: `(firm_id, email, role, invited_by, created_at, first_created_at, expires_at)
    select gen_random_uuid(), n || '@x.example', 'firm_user', gen_random_uuid(), now(), now(), now() + interval '1 day'`,
  document_passkey_challenges: `(challenge_sha256, user_id, expires_at)
    select sha256(n::text::bytea), gen_random_uuid(), now() + interval '1 day'`,
  document_calendars: `(firm_id, token_sha256, created_by, created_at)
    select gen_random_uuid(), sha256(n::text::bytea), gen_random_uuid(), now()`,
  document_event_persons: `(occurred_at, event_id, person_id, fields, salt)
    select now(), gen_random_uuid(), gen_random_uuid(), jsonb_build_object('email_sha256', md5(n::text)), 'x'`,
}

it('an erasure finds the rows of a person by indexes', async () => {
  const { db } = service.app
  for (const [table, filling] of Object.entries(fillings))
    await sql.raw(`insert into ${table} ${filling} from generate_series(1, ${many}) n`).execute(db)
  await sql`analyze`.execute(db)
  const { id, email } = await makePerson(service.app)
  const keys = {
    email,
    emailDigest: 'a'.repeat(64) as Sha256,
    subjects: [{ issuer: 'https://login.example', subject: 'a subject' }],
  } // of nobody

  const statements: [name: string, run: (trx: Tx) => Promise<unknown>][] = [
    ['keys', (trx) => findPersonKeys(trx, id)],
    ['factors', (trx) => deleteFactors(trx, id)],
    ['access', (trx) => deleteAccess(trx, id, { keepsAccount: false })],
    ['mail', (trx) => deleteMailAndInvitations(trx, id, keys)],
    ['counters', (trx) => deleteCounters(trx, id, keys)],
    ['fields', (trx) => deleteFieldsAbout(trx, id, keys)],
  ]
  const walking = []
  for (const [name, run] of statements) if ((await rowsReadBy(db, run)) > 200) walking.push(name)

  expect(walking).toEqual([])
})

it('an export finds the events about a person by indexes', async () => {
  const { db } = service.app
  await sql`
    insert into document_trail (action, outcome, ip, user_agent, request_id, details)
    select 'user.changed', 'ok', 'x', 'x', 'x', jsonb_build_object('user_id', gen_random_uuid())
    from generate_series(1, ${many})`.execute(db)
  await sql`analyze`.execute(db)
  const { id: userId, email } = await makePerson(service.app)
  const whose = { userId, email, emailDigest: undefined, subjects: [] }

  const read = await rowsReadBy(db, (trx) => Array.fromAsync(pageSection(trx, 'events_about', whose)))

  expect(read).toBeLessThan(200)
})
