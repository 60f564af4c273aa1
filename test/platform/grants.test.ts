import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { changeableOfAccounts, rightsByTable } from '../../src/database/schema/grant-to-service.ts'
import { signer } from '../support/platform/insert-firm-with-admin.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshPlatformDatabase, type PlatformDatabase } from '../support/platform/platform-database.ts'
import { readTable } from '../support/pages/read-table.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/grants.md'), 'utf8')
const unquoted = (text: string) => text.replaceAll('`', '')
const sorted = (rights: string) => rights.split(/, */).toSorted().join(', ')
const ofJobs = 'all tables of document_jobs'

/** The contents of docs/grants.md, by name. */
const written = {
  schemas: pairsOf(readTable(page, 'schema')),
  tables: pairsOf(readTable(page, 'table')),
  columns: pairsOf(readTable(page, 'column of `registered_users`')),
  functions: readTable(page, 'function').map(([name = '']) => unquoted(name)),
}

function pairsOf(rows: string[][]): Record<string, string> {
  return Object.fromEntries(rows.map(([name = '', rights = '']) => [unquoted(name), sorted(rights)]))
}

let database: PlatformDatabase
let service: TestService
let role: string
beforeAll(async () => {
  database = await freshPlatformDatabase()
  // The default: other roles get no rights on new tables.
  service = await startService({ ...database.settings, JWT_SECRET_KEY: signer.secret })
  role = new URL(database.settings.DATABASE_URL).username
})
afterAll(async () => {
  await service.stop()
  await database.remove()
})

async function granted(text: string): Promise<{ name: string; rights: string }[]> {
  const { rows } = await database.platform.query<{ name: string; rights: string }>(text, [role])
  return rows
}

it('docs/grants.md has the rights of the code', () => {
  const { [ofJobs]: _jobs, ...tables } = written.tables

  expect(tables).toEqual(
    Object.fromEntries(Object.entries(rightsByTable).map(([table, rights]) => [table, sorted(rights)])),
  )
})

it('after a start the service’s role has exactly the rights of docs/grants.md on tables and schemas', async () => {
  const tables = await granted(`
    select n.nspname || '.' || c.relname as name, string_agg(lower(a.privilege_type), ', ' order by lower(a.privilege_type)) as rights
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
    where a.grantee = $1::regrole group by 1`)
  const [jobs, others] = [true, false].map((isOfJobs) =>
    tables.filter(({ name }) => name.startsWith('document_jobs.') === isOfJobs),
  )
  const { [ofJobs]: rightsOfJobs, ...expected } = written.tables
  const schemas = await granted(`
    select nspname as name, string_agg(lower(a.privilege_type), ', ') as rights
    from pg_namespace, aclexplode(nspacl) a where a.grantee = $1::regrole group by 1`)

  expect(Object.fromEntries(others?.map(({ name, rights }) => [name.replace('public.', ''), rights]) ?? [])).toEqual(
    expected,
  )
  expect(new Set(jobs?.map(({ rights }) => rights))).toEqual(new Set([rightsOfJobs]))
  expect(Object.fromEntries(schemas.map(({ name, rights }) => [name, rights]))).toEqual(written.schemas)
})

it('and exactly its functions and columns, and no right on a sequence, type, database or other role', async () => {
  const functions = await granted(`
    select p.oid::regprocedure::text as name, lower(a.privilege_type) as rights
    from pg_proc p, aclexplode(proacl) a where a.grantee = $1::regrole`)
  const others = await granted(`
    select 'type ' || typname as name, privilege_type as rights from pg_type, aclexplode(typacl) a where a.grantee = $1::regrole
    union all select 'database', privilege_type from pg_database, aclexplode(datacl) a where a.grantee = $1::regrole
    union all select 'default', privilege_type from pg_default_acl, aclexplode(defaclacl) a where a.grantee = $1::regrole
    union all select 'member of ' || roleid::regrole, '' from pg_auth_members where member = $1::regrole
    union all select 'owner of ' || oid::regclass, '' from pg_class where relowner = $1::regrole
    union all select 'may hand on ' || oid::regclass, '' from pg_class, aclexplode(relacl) a
      where a.grantee = $1::regrole and a.is_grantable`)

  const columns = await granted(`
    select attrelid::regclass || '.' || attname as name, lower(privilege_type) as rights
    from pg_attribute, aclexplode(attacl) a where a.grantee = $1::regrole`)

  expect(Object.fromEntries(columns.map(({ name, rights }) => [name, rights]))).toEqual(
    Object.fromEntries(Object.entries(written.columns).map(([name, rights]) => [`registered_users.${name}`, rights])),
  )
  expect(Object.keys(written.columns)).toEqual(changeableOfAccounts)
  expect(functions.map(({ name }) => name).toSorted()).toEqual(written.functions.toSorted())
  expect(others).toEqual([])
})

it('other roles have no rights on our tables, and cannot call functions that run with the owner’s rights', async () => {
  const { rows } = await database.platform.query(`
    select 'table ' || c.oid::regclass as name from pg_class c, aclexplode(relacl) a
      where a.grantee = 0 and (c.relname like 'document\\_%' or c.relname = 'documents') and c.relname <> 'document_types'
    union all
    select 'function ' || oid::regprocedure from pg_proc
      where prosecdef and pronamespace = 'public'::regnamespace
        and (proacl is null or exists (select from aclexplode(proacl) a where a.grantee = 0))
    union all
    select 'without a fixed search_path ' || oid::regprocedure from pg_proc
      where prosecdef and pronamespace = 'public'::regnamespace
        and not coalesce(proconfig @> array['search_path=public, pg_temp'], false)`)
  expect(rows).toEqual([])
})

it('everything else is denied', async () => {
  const client = new Client({ connectionString: database.settings.DATABASE_URL })
  await client.connect()
  try {
    for (const statement of [
      'select from firm_personnel',
      'delete from firm_applications',
      'delete from registered_users',
      `update registered_users set role = 'admin'`,
      'update registered_users set is_verified = true',
      'delete from security_firms',
      'truncate firm_documents',
      'update document_comparison set finished_at = null',
      'alter table firm_documents disable trigger user',
      'drop trigger document_follow_insert on firm_documents',
      `select document_follow('{}')`,
      'create table here (id int)',
    ])
      await expect(client.query(statement)).rejects.toThrow(/permission denied|must be owner/)
  } finally {
    await client.end()
  }
})
