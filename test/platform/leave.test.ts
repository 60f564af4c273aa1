import { insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocumentRow, insertDocumentRow, updateDocumentRow } from '../support/platform/platform-documents.ts'
import { type Beside, openGround, type Ground, rowsOf, startBeside } from '../support/platform/platform-scene.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '../../deploy/platform')

let ground: Ground
beforeEach(async () => {
  ground = await openGround()
})
afterEach(async () => ground.remove())

/** Runs the file in one transaction, like `psql -1 -f`. Returns the rows of its last query. */
async function runScript(platform: Client, name: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, name), 'utf8')
  const results = (await platform.query(`begin;\n${text}\ncommit;`)) as unknown as { rows: Record<string, unknown>[] }[]
  return results.findLast(({ rows }) => rows.length > 0)?.rows ?? []
}

/** The output of `pg_dump` without the service's own tables, functions and rights. */
async function dump(args: string[] = []): Promise<string> {
  const { stdout } = await run(
    'pg_dump',
    ['--schema-only', '--dbname', ground.database.settings.DATABASE_OWNER_URL, ...args],
    { maxBuffer: 64 * 1024 * 1024 },
  )
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '')
}

const ofPlatform = [
  'registered_users',
  'security_firms',
  'firm_users',
  'firm_personnel',
  'firm_applications',
  'firm_documents',
]
const dumpOfPlatform = () => dump(['--no-privileges', ...ofPlatform.flatMap((table) => ['-t', `public.${table}`])])

it('leaves the platform’s tables as before, except the added columns, and its statements work', async () => {
  const { platform } = ground
  const before = await dumpOfPlatform()
  const beside = await startBeside(ground)
  const { firm, admin } = await insertFirmWithAdmin(ground)
  const { id } = await uploadDocument(beside.service.url, firm, admin)
  expect(await dumpOfPlatform()).not.toBe(before)
  await beside.service.stop()
  await runScript(platform, 'leave.sql')

  expect(await dumpOfPlatform()).toBe(before)
  const { rows: types } = await platform.query('select code from document_types')
  expect(types).toEqual([{ code: 'registration_certificate' }])
  await updateDocumentRow(platform, { id: id as never }, { is_verified: true })
  await insertDocumentRow(platform, firm, {})
  await deleteDocumentRow(platform, { id: id as never })
  await platform.query('truncate firm_documents')
})

it('lists what the platform cannot see: the trash, earlier versions, and files on the fallback disk', async () => {
  const { platform } = ground
  const beside = await startBeside(ground)
  const { firm, admin } = await insertFirmWithAdmin(ground)
  const trashed = await uploadDocument(beside.service.url, firm, admin)
  const replaced = await uploadDocument(beside.service.url, firm, admin)
  const waiting = await uploadDocument(beside.service.url, firm, admin)
  await uploadDocument(beside.service.url, firm, admin)
  await deleteDocumentRow(platform, { id: trashed.id as never })
  await updateDocumentRow(platform, { id: replaced.id as never }, { file_path: 'security_firms/x/y.pdf', file_size: 1 })
  await platform.query('update document_versions set is_fallback = true where document_id = $1', [waiting.id])
  await beside.service.stop()
  const listed = await runScript(platform, 'leave.sql')

  expect(
    listed.map(({ why, document_id, version }) => [String(why).replace(/ [\d-]+$/, ''), document_id, version]),
  ).toEqual([
    ['an earlier version', replaced.id, 1],
    ['in the trash since', trashed.id, 1],
    ['waits on a disk for S3', waiting.id, 1],
  ])
  expect(listed.every(({ storage_key }) => String(storage_key).startsWith(`security_firms/${firm}/`))).toBe(true)
})

it('a later start continues with the same tables and the platform’s changes meanwhile', async () => {
  const { platform } = ground
  const first = await startBeside(ground)
  const { firm } = await insertFirmWithAdmin(ground)
  const [kept, changed, deleted] = [
    await insertDocumentRow(platform, firm, {}),
    await insertDocumentRow(platform, firm, {}),
    await insertDocumentRow(platform, firm, {}),
  ]
  const before = await dump()
  await platform.query(
    `update document_types set description = 'of a bank', confidential = true, allowed_types = '{application/pdf}',
       max_bytes = 1000, created_at = '2020-01-01' where code = 'bank_statement'`,
  )
  const { rows: types } = await platform.query('select * from document_types order by id')
  expect(types).toHaveLength(12)
  await first.service.stop()
  await runScript(platform, 'leave.sql')
  await runScript(platform, 'leave.sql')
  await updateDocumentRow(platform, { id: changed }, { file_name: 'meanwhile.pdf' })
  await deleteDocumentRow(platform, { id: deleted })
  const made = await insertDocumentRow(platform, firm, {})

  const again: Beside = await startBeside(ground)
  expect(again.service.app.migrated).toEqual(['0010-platform-triggers'])
  expect(await dump()).toBe(before)
  const typesAgain = await platform.query('select * from document_types order by id')
  expect(typesAgain.rows).toEqual(types)
  expect((await rowsOf(again.service, kept)).actions).toEqual(['document.adopted'])
  expect((await rowsOf(again.service, changed)).versions).toMatchObject([{ file_name: 'meanwhile.pdf' }])
  expect((await rowsOf(again.service, deleted)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  expect((await rowsOf(again.service, made)).versions).toMatchObject([{ version: 1 }])
  await again.service.stop()
})

it('the second script leaves nothing, and a later start is a first start', async () => {
  const { platform } = ground
  const before = await dump(['--no-privileges'])
  const first = await startBeside(ground)
  await first.service.stop()
  await runScript(platform, 'leave.sql')
  await runScript(platform, 'remove-our-tables.sql')
  expect(await dump(['--no-privileges'])).toBe(before)
  expect((await platform.query('select from document_types')).rowCount).toBe(0)

  const again = await startBeside(ground)
  expect(again.service.app.migrated.length).toBeGreaterThan(8)
  await again.service.stop()
})

it.each(['registered_users', 'security_firms', 'document_types', 'firm_applications', 'firm_documents'])(
  'the platform’s transaction that has locked %s and then needs the other tables does not fail, and the script completes after it',
  async (held) => {
    const beside = await startBeside(ground)
    await beside.service.stop()
    const [second, leaving] = [await connect(), await connect()]
    await second.query('begin')
    await second.query(`select from ${held} for update`)
    const left = runScript(leaving, 'leave.sql')
    try {
      for (const wanted of [...ofPlatform, 'document_types']) {
        await expect.poll(() => isHeldUp(), { interval: 5 }).toBe(true)
        await second.query(`select from ${wanted} for update`)
      }
      await second.query('commit')
      await left
      expect((await ground.platform.query(`select from pg_trigger where tgname ~ '^document_follow'`)).rowCount).toBe(0)
    } finally {
      await second.end()
      await Promise.allSettled([left])
      await leaving.end()
    }
  },
)

it('gives up without a change if the platform keeps a table locked', async () => {
  const beside = await startBeside(ground)
  await beside.service.stop()
  const before = await dump()
  const [second, leaving] = [await connect(), await connect()]
  await second.query('begin')
  await second.query('select from document_types for update')
  await expect(runScript(leaving, 'leave.sql')).rejects.toThrow('could not obtain lock')
  await second.end()
  await leaving.end()

  expect(await dump()).toBe(before)
  await runScript(ground.platform, 'leave.sql')
})

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: ground.database.settings.DATABASE_OWNER_URL })
  await client.connect()
  return client
}

/** Whether the script is waiting for a lock or pausing before its next try. */
async function isHeldUp(): Promise<boolean> {
  const { rowCount } = await ground.platform.query(
    `select from pg_stat_activity
     where datname = current_database() and (wait_event_type = 'Lock' or wait_event = 'PgSleep')`,
  )
  return (rowCount ?? 0) > 0
}
