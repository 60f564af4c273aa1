import { randomUUID } from 'node:crypto'

import { Client, type QueryResult } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'

type Role = 'service' | 'owner'

let roles: TwoRoles
let service: TestService
beforeAll(async () => {
  roles = await freshDatabaseOfTwoRoles()
  service = await startService(roles.settings)
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin)
  await (await callDocuments(service.url, firm, admin, `/${document.id}/download`)).arrayBuffer()
  // From before the first month, so that the default partition has a row to protect too.
  await runAs('owner', directInsertion("timestamptz '1999-01-01'"))
})
afterAll(async () => {
  await service.stop()
  await roles.remove()
})

async function runAs(role: Role, statement: string): Promise<QueryResult> {
  const { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl } = roles.settings
  const client = new Client({ connectionString: role === 'service' ? url : ownerUrl })
  await client.connect()
  try {
    return await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The code of PostgreSQL's error; 42501 is "insufficient privilege", also for the triggers. */
async function refusalOf(role: Role, statement: string): Promise<string | undefined> {
  return runAs(role, statement).then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )
}

async function trail(): Promise<unknown[]> {
  return (await runAs('owner', 'select * from document_events order by occurred_at, id')).rows
}

function insertion(): string {
  return `insert into document_trail (action, outcome, ip, user_agent, request_id)
          values ('test.done', 'ok', '', '', '${randomUUID()}')`
}

function directInsertion(at: string): string {
  return `insert into document_events (occurred_at, action, outcome, request_id, personal_commitment)
          values (${at}, 'test.done', 'ok', '${randomUUID()}', sha256(''))`
}

const thisMonth = `document_events_${new Date().toISOString().slice(0, 7).replace('-', '_')}`

const rewrites = ['document_events', thisMonth, 'document_events_default'].flatMap((table) => [
  `update ${table} set outcome = 'ok'`,
  `update ${table} set occurred_at = occurred_at + interval '1 hour'`,
  `delete from ${table}`,
  `delete from only ${table} where true returning *`,
  `with gone as (delete from ${table} returning 1) select count(*) from gone`,
  `merge into ${table} e using (select 1) s on true when matched then delete`,
  `truncate ${table}`,
  `truncate ${table} cascade`,
])

describe.each<Role>(['service', 'owner'])('the audit trail, for the role %s', (role) => {
  // `only` excludes the partitions. The parent alone has no rows, so only the missing right denies it.
  const statements = rewrites.filter((each) => role === 'service' || !each.includes('only document_events '))

  it.each(statements)('rejects: %s', async (statement) => {
    const before = await trail()

    expect(await refusalOf(role, statement)).toBe('42501')
    expect(await trail()).toEqual(before)
  })
})

const personalRewrites = [
  `update document_event_persons set fields = '{}'`,
  'update document_event_persons set person_id = null',
  'truncate document_event_persons',
]

it.each(
  personalRewrites.flatMap((statement) => [
    { role: 'service', statement } as const,
    { role: 'owner', statement } as const,
  ]),
)('personal fields of events reject a change by the $role: $statement', async ({ role, statement }) => {
  expect(await refusalOf(role, statement)).toBe('42501')
})

it('the service’s role may delete personal fields, but write them and events only through the view', async () => {
  const count = async () => (await runAs('owner', 'select count(*)::int as count from document_event_persons')).rows[0]
  const before = await count()
  await runAs('service', insertion())

  expect(await refusalOf('service', directInsertion('now()'))).toBe('42501')
  expect(
    await refusalOf(
      'service',
      `insert into document_event_persons (occurred_at, event_id, fields, salt) values (now(), gen_random_uuid(), '{}', '')`,
    ),
  ).toBe('42501')
  const newest = `where event_id = (select event_id from document_event_persons order by occurred_at desc limit 1)`
  expect(await refusalOf('service', `delete from document_event_persons ${newest}`)).toBe('done')
  expect(await count()).toEqual(before)
})

it('an event gets its id, time and commitment from the database, whatever the statement sets', async () => {
  const { rows } = await runAs(
    'service',
    `insert into document_trail (id, occurred_at, action, outcome, ip, user_agent, request_id, personal_commitment, personal_salt, personal)
     values (gen_random_uuid(), '1999-01-01', 'test.done', 'ok', '10.0.0.1', 'a phone', 'dated back', sha256(''), '', '{"ip": "10.0.0.2", "email_sha256": "abc"}')
     returning id`,
  )

  const { rows: written } = await runAs(
    'owner',
    `select occurred_at > now() - interval '1 minute' as is_now, personal, octet_length(personal_salt) as salt_bytes,
       personal_commitment = sha256(personal_salt || convert_to(personal::text, 'UTF8')) as is_committed
     from document_trail where id = '${rows[0].id}'`,
  )
  expect(written).toEqual([
    {
      is_now: true,
      personal: { ip: '10.0.0.1', user_agent: 'a phone', email_sha256: 'abc' },
      salt_bytes: 16,
      is_committed: true,
    },
  ])
})

it('an event without the personal fields that every event has is rejected', async () => {
  const statement = `insert into document_trail (action, outcome, ip, request_id) values ('test.done', 'ok', '', '')`
  expect(await refusalOf('service', statement)).toBe('23502')
})

it.each([
  'alter table document_events disable trigger all',
  `alter table ${thisMonth} disable trigger user`,
  'drop trigger deny_change on document_events',
  'alter table document_event_persons disable trigger user',
  'drop trigger deny_change on document_event_persons',
  'drop trigger insert_event on document_trail',
  'drop view document_trail',
  'create or replace function document_trail_insert() returns trigger language plpgsql as $$ begin return null; end $$',
  'drop table document_events',
  `drop table ${thisMonth}`,
  `alter table document_events detach partition ${thisMonth}`,
  'alter table document_events rename to gone',
  'create or replace function document_events_deny_change() returns trigger language plpgsql as $$ begin return null; end $$',
  'drop function document_events_deny_change() cascade',
  'create trigger skip before insert on document_events for each row execute function document_events_deny_change()',
  "set session_replication_role = 'replica'",
])('the service’s role cannot remove the protection: %s', async (statement) => {
  expect(await refusalOf('service', statement)).toBe('42501')
})

it('the service can still add events', async () => {
  const before = (await trail()).length

  await runAs('service', insertion())

  expect(await trail()).toHaveLength(before + 1)
})
