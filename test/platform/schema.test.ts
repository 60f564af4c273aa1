import { signer } from '../support/platform/insert-firm-with-admin.ts'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { insertDocumentRow } from '../support/platform/platform-documents.ts'
import { freshPlatformDatabase, type PlatformDatabase } from '../support/platform/platform-database.ts'
import { insertFirm, insertFirmUser, insertRegisteredUser } from '../support/platform/platform-people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { listDocumentTypes } from '../../src/database/documents/document-types.ts'
import { countUnfollowed, rowsOf } from '../support/platform/platform-scene.ts'

const run = promisify(execFile)
const platformTables = [
  'registered_users',
  'security_firms',
  'firm_users',
  'firm_personnel',
  'firm_applications',
  'document_types',
  'firm_documents',
]

let database: PlatformDatabase
let columnsBefore: Column[]
let service: TestService
const started: TestService[] = []
const start = async (settings: Record<string, string> = {}) => {
  const made = await startService({ ...database.settings, JWT_SECRET_KEY: signer.secret, ...settings })
  started.push(made)
  return made
}

beforeAll(async () => {
  database = await freshPlatformDatabase()
  columnsBefore = await listColumns(database.platform)
  service = await start()
})
afterAll(async () => {
  for (const each of started) await each.stop()
  await database.remove()
})

type Column = Record<'table_name' | 'column_name' | 'data_type' | 'is_nullable', string> & {
  column_default: string | null
}

const nameOf = (column: Column) => `${column.table_name}.${column.column_name}`

async function listColumns(client: Client): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select table_name, column_name, data_type || coalesce('(' || character_maximum_length || ')', '') as data_type,
       is_nullable, column_default
     from information_schema.columns where table_schema = 'public' and table_name = any ($1)
     order by table_name, ordinal_position`,
    [platformTables],
  )
  return rows
}

/** The output of `pg_dump`: tables, indexes, functions, triggers, rights. */
async function dumpSchema(): Promise<string> {
  const { stdout } = await run('pg_dump', ['--schema-only', '--dbname', database.settings.DATABASE_OWNER_URL], {
    maxBuffer: 64 * 1024 * 1024,
  })
  // Each run generates its own key for this line.
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '')
}

describe('the platform’s tables', () => {
  it('keep every column, and get new ones only where the platform need not know them', async () => {
    const after = await listColumns(database.platform)
    const known = new Set(columnsBefore.map(nameOf))
    const added = after.filter((column) => !known.has(nameOf(column)))

    expect(columnsBefore.length).toBeGreaterThan(80)
    expect(after.filter((column) => known.has(nameOf(column)))).toEqual(columnsBefore)
    expect(added.map(nameOf)).toEqual([
      'document_types.max_bytes',
      'document_types.allowed_types',
      'document_types.confidential',
      'document_types.retention_days',
      'document_types.proof',
      'document_types.validity_months',
      'document_types.validity_stated',
      'document_types.reject_reasons',
    ])
    expect(added.filter(({ is_nullable, column_default }) => is_nullable === 'NO' && column_default === null)).toEqual(
      [],
    )
  })

  it('are referenced by no foreign key, check, view or rule of ours', async () => {
    const { rows: keys } = await database.platform.query<{ from: string; name: string }>(
      `select conrelid::regclass::text as "from", conname as name from pg_constraint
       where contype = 'f' and confrelid = any ($1::regclass[]) and conrelid <> all ($1::regclass[])`,
      [platformTables],
    )
    const { rows: checks } = await database.platform.query(
      `select conname from pg_constraint where contype in ('c', 'x') and conrelid = any ($1::regclass[])`,
      [platformTables],
    )
    const { rows: views } = await database.platform.query(
      `select ev_class::regclass from pg_depend join pg_rewrite r on r.oid = objid
       where classid = 'pg_rewrite'::regclass and refobjid = any ($1::regclass[])`,
      [platformTables],
    )
    expect({ keys, checks, views }).toEqual({ keys: [], checks: [], views: [] })
  })

  it('allow the deletion of a document, a member, a person and a firm that we know', async () => {
    const { platform } = database
    const firm = await insertFirm(platform)
    const person = await insertRegisteredUser(platform, signer)
    await insertFirmUser(platform, firm, person)
    const id = await insertDocumentRow(platform, firm, { uploaded_by: person.id })
    for (const [table, column, value] of [
      ['firm_documents', 'id', id],
      ['firm_users', 'user_id', person.id],
      ['registered_users', 'id', person.id],
      ['security_firms', 'id', firm],
    ])
      expect((await platform.query(`delete from ${table} where ${column} = $1`, [value])).rowCount).toBe(1)
    expect((await rowsOf(service, id)).documents).toHaveLength(1)
  })
})

describe('a second start', () => {
  it('changes nothing, with either role: no table, no right, no followed row', async () => {
    const firm = await insertFirm(database.platform)
    const id = await insertDocumentRow(database.platform, firm, {})
    const before = { dump: await dumpSchema(), rows: await rowsOf(service, id) }
    const again = await start()
    const alone = await start({ DATABASE_OWNER_URL: database.settings.DATABASE_URL })

    expect([again.app.migrated, alone.app.migrated]).toEqual([[], []])
    expect(before.dump).toContain('CREATE TRIGGER document_follow_insert')
    expect(await dumpSchema()).toBe(before.dump)
    expect(await rowsOf(service, id)).toEqual(before.rows)
  })
})

describe('document types', () => {
  it('stay as the platform has them', async () => {
    const fresh = await freshPlatformDatabase()
    await fresh.platform.query(
      `insert into document_types (id, code, name, is_required, is_active, created_by)
       values (gen_random_uuid(), 'tax_clearance', 'Tax', false, true, gen_random_uuid())`,
    )
    const begun = await startService({ ...fresh.settings, JWT_SECRET_KEY: signer.secret })
    const { rows } = await fresh.platform.query('select code, is_required from document_types')
    await begun.stop()
    await fresh.remove()

    expect(rows).toEqual([{ code: 'tax_clearance', is_required: false }])
  })
})

it('types with the codes of confidential seeds are confidential, also one that the platform inserts later', async () => {
  const insert = (code: string) =>
    database.platform.query(
      `insert into document_types (id, code, name, is_required, is_active, created_by)
       values (gen_random_uuid(), $1, 'A type', false, true, gen_random_uuid())`,
      [code],
    )
  const confidentialCodes = async () =>
    (await listDocumentTypes(service.app.db)).filter(({ confidential }) => confidential).map(({ code }) => code)
  const expected = ['bank_statement', 'identity_document', 'proof_of_residence', 'tax_clearance']
  expect(await confidentialCodes()).toEqual(expected)

  await database.platform.query(`delete from document_types where code = 'identity_document'`)
  await insert('identity_document')
  await insert('dog_licence')
  expect(await confidentialCodes()).toEqual(expected)

  await service.app.db
    .updateTable('document_types')
    .set({ confidential: false })
    .where('code', '=', 'identity_document')
    .execute()
  expect(await confidentialCodes()).toEqual(expected.filter((code) => code !== 'identity_document'))
})

describe('while the platform works', () => {
  it('a first start retries until the platform unlocks a table, and locks nothing meanwhile', async () => {
    const fresh = await freshPlatformDatabase()
    const second = new Client({ connectionString: fresh.settings.DATABASE_OWNER_URL })
    await second.connect()
    const firm = await insertFirm(fresh.platform)
    await second.query('begin')
    const held = await insertDocumentRow(second, firm, {})
    const starting = startService({ ...fresh.settings, JWT_SECRET_KEY: signer.secret })
    try {
      const free: string[] = []
      for (let each = 0; each < 3; each += 1) {
        await untilHeldUp(fresh.platform)
        free.push(await insertDocumentRow(fresh.platform, firm, {}))
      }
      await second.query('commit')
      const begun = await starting
      for (const id of [held, ...free]) expect((await rowsOf(begun, id)).versions).toMatchObject([{ version: 1 }])
      expect(await countUnfollowed(begun)).toBe(0)
    } finally {
      await second.end()
      await (await starting).stop()
      await fresh.remove()
    }
  })

  it.each(['registered_users', 'security_firms', 'firm_users', 'firm_applications', 'firm_documents'])(
    'the platform’s transaction that has locked %s and then needs the other tables does not fail, and the first start succeeds after it',
    async (held) => {
      const fresh = await freshPlatformDatabase()
      const second = new Client({ connectionString: fresh.settings.DATABASE_OWNER_URL })
      await second.connect()
      await second.query('begin')
      await second.query(`update ${held} set updated_at = now()`)
      const starting = startService({ ...fresh.settings, JWT_SECRET_KEY: signer.secret })
      try {
        for (const wanted of platformTables) {
          await untilHeldUp(fresh.platform)
          await second.query(`select from ${wanted} for update`)
        }
        await second.query('commit')
        expect((await starting).app.migrated).toContain('0010-platform-triggers')
      } finally {
        await second.end()
        await (await starting).stop()
        await fresh.remove()
      }
    },
  )
})

/**
 * Waits until a start has tried the tables once more and released all of them: releasing its own lock is the migrator's
 * last statement before the pause.
 */
async function untilHeldUp(client: Client): Promise<void> {
  const givenUp = async () => {
    const { rows } = await client.query<{ at: string }>(
      `select coalesce(max(state_change)::text, '') as at from pg_stat_activity
       where datname = current_database() and query like 'select pg_advisory_unlock%' and state = 'idle'`,
    )
    return rows[0]?.at ?? ''
  }
  const before = await givenUp()
  await expect.poll(async () => (await givenUp()) > before, { interval: 5 }).toBe(true)
}
