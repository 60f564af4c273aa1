import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, it } from 'vitest'

import { comparePlatform, restartComparison, followNoted } from '../../src/database/schema/compare-platform.ts'
import { compareWithPlatform } from '../../src/worker/jobs.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import {
  deleteDocumentRow,
  insertDocumentRow,
  platformKey,
  updateDocumentRow,
} from '../support/platform/platform-documents.ts'
import { countUnfollowed, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'
import { withoutTable } from './without-table.ts'
import { untilWaitedFor } from '../support/database/until-waited-for.ts'

const beside = serviceBeside()

const db = () => beside.service.app.db
const rows = (id: string) => rowsOf(beside.service, id)
const insert = (row: Record<string, unknown> = {}) => insertDocumentRow(beside.platform, beside.firm, row)
const never = new AbortController().signal
const compareAll = async () => (await compareWithPlatform.run(beside.service.app, never))['compared']
const without = <Result>(table: string, work: () => Promise<Result>) => withoutTable(beside.platform, table, work)

it.each([
  ['documents', 3],
  ['document_versions', 3],
  ['document_events', 3],
])(
  'a change that cannot be followed, as without %s, does not fail the platform’s statement, and is followed later',
  async (table, noted) => {
    const [changed, deleted] = [await insert(), await insert()]
    const made = await without(table, async () => {
      await updateDocumentRow(beside.platform, { id: changed }, { file_name: 'later.pdf' })
      await deleteDocumentRow(beside.platform, { id: deleted })
      return insert()
    })
    expect(await countUnfollowed(beside.service)).toBe(noted)

    expect(await followNoted(db())).toBe(noted)
    expect(await countUnfollowed(beside.service)).toBe(0)
    expect((await rows(changed)).versions).toMatchObject([{ file_name: 'later.pdf' }])
    expect((await rows(deleted)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
    expect((await rows(made)).versions).toMatchObject([{ version: 1 }])
  },
)

it('a starting service follows noted changes at once', async () => {
  const changed = await insert()
  await without('documents', () => updateDocumentRow(beside.platform, { id: changed }, { file_name: 'later.pdf' }))
  const worker = await startWorker(beside.service.app)
  await expect.poll(() => countUnfollowed(beside.service)).toBe(0)
  await worker.close()

  expect((await rows(changed)).versions).toMatchObject([{ file_name: 'later.pdf' }])
})

it('a change that could not be noted is found by the comparison', async () => {
  const deleted = await insert()
  const made = await without('documents', () =>
    without('document_unfollowed', async () => {
      await deleteDocumentRow(beside.platform, { id: deleted })
      return insert()
    }),
  )
  expect(await countUnfollowed(beside.service)).toBe(0)

  expect(await compareAll()).toBeGreaterThan(0)
  expect((await rows(made)).versions).toMatchObject([{ version: 1 }])
  expect((await rows(deleted)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
})

it('changes without a trigger, as in a restore, are found by the comparison, which changes nothing else', async () => {
  const [same, changed, deleted] = [await insert(), await insert(), await insert()]
  const before = await rows(same)
  await beside.platform.query('alter table firm_documents disable trigger user')
  await updateDocumentRow(beside.platform, { id: changed }, { file_path: platformKey(beside.firm), file_size: 7 })
  await deleteDocumentRow(beside.platform, { id: deleted })
  const made = await insert()
  await beside.platform.query('alter table firm_documents enable trigger user')

  await compareAll()
  expect((await rows(changed)).versions).toMatchObject([{ version: 1 }, { version: 2, file_size: 7 }])
  expect((await rows(deleted)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  expect((await rows(made)).actions).toEqual(['document.adopted'])
  expect(await rows(same)).toEqual(before)
  const after = await rows(changed)
  await compareAll()
  expect(await rows(changed)).toEqual(after)
})

it('a locked row of ours delays the platform by less than a second, and the change is followed later', async () => {
  const id = await insert()
  const lockHolder = new Client({ connectionString: beside.database.settings.DATABASE_OWNER_URL })
  await lockHolder.connect()
  await lockHolder.query('begin')
  await lockHolder.query('select from document_versions where document_id = $1 for update', [id])
  await beside.platform.query(`set statement_timeout = '20s'`)
  await updateDocumentRow(beside.platform, { id }, { file_name: 'meanwhile.pdf' })
  await beside.platform.query('reset statement_timeout')
  expect(await countUnfollowed(beside.service)).toBe(1)
  await lockHolder.query('commit')
  await lockHolder.end()

  expect(await followNoted(db())).toBe(1)
  expect((await rows(id)).versions).toMatchObject([{ file_name: 'meanwhile.pdf' }])
})

it('a row locked by the platform does not delay the comparison, and is followed after the unlock', async () => {
  await beside.platform.query('alter table firm_documents disable trigger user')
  const [held, free] = [await insert(), await insert()]
  await beside.platform.query('alter table firm_documents enable trigger user')
  await beside.platform.query('begin')
  await beside.platform.query('select from firm_documents where id = $1 for update', [held])
  await compareAll()
  expect(await followNoted(db())).toBe(0)
  await beside.platform.query('rollback')

  expect((await rows(free)).versions).toHaveLength(1)
  expect((await rows(held)).versions).toHaveLength(0)
  expect(await followNoted(db())).toBe(1)
  expect((await rows(held)).versions).toHaveLength(1)
})

it('the comparison writes to no row of the platform that equals ours', async () => {
  const [changed] = [await insert(), await insert(), await insert()]
  await compareAll()
  await withoutTriggers(() => updateDocumentRow(beside.platform, { id: changed }, { file_name: 'changed.pdf' }))
  const before = await tuplesExcept(changed)

  await compareAll()

  expect((await rows(changed)).versions).toMatchObject([{ file_name: 'changed.pdf' }])
  expect(await tuplesExcept(changed)).toEqual(before)
})

it('a locked document does not stop the comparison, and is deleted later if its row is gone', async () => {
  const [locked, free] = [await insert(), await insert()]
  await withoutTriggers(async () => {
    for (const id of [locked, free]) await deleteDocumentRow(beside.platform, { id })
  })
  const lockHolder = new Client({ connectionString: beside.database.settings.DATABASE_OWNER_URL })
  await lockHolder.connect()
  await lockHolder.query('begin')
  await lockHolder.query('select from documents where id = $1 for update', [locked])

  await compareAll()
  await lockHolder.query('rollback')
  await lockHolder.end()

  expect((await rows(free)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  expect((await rows(locked)).documents).toMatchObject([{ deleted_at: null }])
  expect(await followNoted(db())).toBe(1)
  expect((await rows(locked)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
})

async function withoutTriggers(work: () => Promise<unknown>): Promise<void> {
  await beside.platform.query('alter table firm_documents disable trigger user')
  await work()
  await beside.platform.query('alter table firm_documents enable trigger user')
}

/** The header of every other row of the platform: a lock changes it like a write. */
async function tuplesExcept(id: string) {
  const { rows: tuples } = await beside.platform.query(
    'select id, ctid::text, xmin::text, xmax::text from firm_documents where id <> $1 order by id',
    [id],
  )
  return tuples
}

it('an interrupted comparison resumes where it stopped, also in another process', async () => {
  await restartComparison(db())
  const total = await countRows()
  let asked = 0
  await comparePlatform(db(), () => (asked += 1) > 1)
  const { rows: halfway } = await sql<{ finished_at: Date | null; rows_to: string | null }>`
    select finished_at, rows_to from document_comparison`.execute(db())
  expect(halfway).toEqual([{ finished_at: null, rows_to: expect.any(String) }])

  await Promise.all([comparePlatform(db(), () => false), comparePlatform(db(), () => false)])
  const { rows: end } = await sql`select from document_comparison where finished_at is not null`.execute(db())
  expect(end).toHaveLength(1)
  expect(total).toBeGreaterThan(5)
})

async function countRows(): Promise<number> {
  const { rows: counts } = await beside.platform.query<{ n: number }>('select count(*)::int as n from firm_documents')
  return counts[0]?.n ?? 0
}

it('a comparison that conflicts with the platform’s transaction releases its rows and tries again', async () => {
  await beside.platform.query('alter table firm_documents disable trigger user')
  const [noted, wanted] = [await insert(), await insert()]
  await beside.platform.query('alter table firm_documents enable trigger user')
  const client = new Client({ connectionString: beside.database.settings.DATABASE_OWNER_URL })
  await client.connect()
  // An uncommitted note of a change that could not be followed blocks the comparison.
  await client.query('begin')
  await client.query('select from firm_documents where id = $1 for update', [noted])
  await client.query('insert into document_unfollowed (firm_id, document_id) values ($1, $2)', [beside.firm, noted])
  const comparing = compareAll()
  await untilWaitedFor(client)
  await client.query(`update firm_documents set file_name = 'wanted.pdf' where id = $1`, [wanted])
  await client.query('commit')
  await client.end()
  await comparing

  expect((await rows(wanted)).versions).toMatchObject([{ file_name: 'wanted.pdf' }])
  expect(await followNoted(db())).toBe(1)
})

const lockRow = 'select from firm_documents where id = $1 for update'
const changeRow = 'update firm_documents set file_name = $2, is_verified = not is_verified where id = $1'

it('concurrent changes of the same rows by many connections of the platform cause no deadlock with us', async () => {
  const ids: string[] = []
  for (let each = 0; each < 6; each += 1) ids.push(await insert({ file_name: '0.pdf' }))
  const clients = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = new Client({ connectionString: beside.database.settings.DATABASE_OWNER_URL })
      await client.connect()
      return client
    }),
  )
  const working = clients.map(async (client, worker) => {
    for (let turn = 0; turn < 20; turn += 1) {
      const pair = [0, 1].flatMap((step) => ids[(worker + turn + step) % ids.length] ?? [])
      await client.query('begin')
      // Changes its own rows in a fixed order, so that it causes no deadlock itself. Our rows are then changed in that
      // order.
      for (const id of pair.toSorted()) await client.query(lockRow, [id])
      for (const id of worker % 2 === 0 ? pair : pair.toReversed())
        await client.query(changeRow, [id, `${worker}-${turn}.pdf`])
      await client.query('commit')
    }
  })
  await Promise.all([...working, compareAll(), compareAll()])
  await Promise.all(clients.map((client) => client.end()))
  await followNoted(db())

  const { rows: platform } = await beside.platform.query<{ id: string; file_name: string; is_verified: boolean }>(
    'select id, file_name, is_verified from firm_documents where id = any ($1) order by id',
    [ids],
  )
  for (const { id, file_name, is_verified } of platform)
    expect((await rows(id)).versions).toMatchObject([
      { file_name, review_status: is_verified ? 'verified' : 'pending' },
    ])
})
