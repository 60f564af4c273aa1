import { randomUUID } from 'node:crypto'

import { Client, type QueryResult } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { callDocuments, uploadDocument } from '../support/call-documents.ts'
import { startService, type TestService } from '../support/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/two-roles.ts'
import { firmWithAdmin } from '../support/firm-with-admin.ts'

type Role = 'service' | 'owner'

let roles: TwoRoles
let service: TestService
beforeAll(async () => {
  roles = await freshDatabaseOfTwoRoles()
  service = await startService(roles.settings)
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin)
  await (await callDocuments(service.url, firm, admin, `/${document.id}/download`)).arrayBuffer()
  // From before the first month, so that the default partition has something to guard too.
  await runAs('owner', insertion("timestamptz '1999-01-01'"))
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

/** The code of PostgreSQL's refusal; 42501 is "insufficient privilege", also in the guards' own word. */
async function refusalOf(role: Role, statement: string): Promise<string | undefined> {
  return runAs(role, statement).then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )
}

async function trail(): Promise<unknown[]> {
  return (await runAs('owner', 'select * from document_events order by occurred_at, id')).rows
}

function insertion(at = 'now()'): string {
  return `insert into document_events (occurred_at, action, outcome, ip, user_agent, request_id)
          values (${at}, 'test.done', 'ok', '', '', '${randomUUID()}')`
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

describe.each<Role>(['service', 'owner'])('the trail, in the hands of the %s', (role) => {
  // `only` leaves the partitions out; of the parent alone it finds no row, and so has nothing to refuse but the right.
  const statements = rewrites.filter((each) => role === 'service' || !each.includes('only document_events '))

  it.each(statements)('refuses: %s', async (statement) => {
    const before = await trail()

    expect(await refusalOf(role, statement)).toBe('42501')
    expect(await trail()).toEqual(before)
  })
})

it.each([
  'alter table document_events disable trigger all',
  `alter table ${thisMonth} disable trigger user`,
  'drop trigger refuse_change on document_events',
  'drop table document_events',
  `drop table ${thisMonth}`,
  `alter table document_events detach partition ${thisMonth}`,
  'alter table document_events rename to gone',
  'create or replace function document_events_refuse_change() returns trigger language plpgsql as $$ begin return null; end $$',
  'drop function document_events_refuse_change() cascade',
  'create trigger skip before insert on document_events for each row execute function document_events_refuse_change()',
  "set session_replication_role = 'replica'",
])('the service’s role cannot take the guards away: %s', async (statement) => {
  expect(await refusalOf('service', statement)).toBe('42501')
})

it('what the service adds goes on being added', async () => {
  const before = (await trail()).length

  await runAs('service', insertion())

  expect(await trail()).toHaveLength(before + 1)
})
