import { Kysely, PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import { expect, test } from 'vitest'

import type { Db, Tx } from '../../../src/database/connection/client.ts'
import type { Tables } from '../../../src/database/connection/tables.ts'
import {
  claimOldest,
  countWaiting,
  listWaiting,
  type QueueFilter,
  renewClaim,
} from '../../../src/database/review/review-queue.ts'
import type { FirmId, UserId } from '../../../src/vocabulary/vocabulary.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

type Statement = { text: string; parameters: readonly unknown[] }

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const statements: Statement[] = []
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: database.url }) }),
    log: ({ query }) => void statements.push({ text: query.sql, parameters: query.parameters }),
  })
  closing.defer(() => db.destroy())
  const client = new Client({ connectionString: database.url })
  await client.connect()
  closing.defer(() => client.end())
  return { client, db, statements }
})

const idOf = (text: string) => `00000000-0000-4000-8000-${text.padStart(12, '0')}`
const rareFirm = idOf('1') as FirmId
const commonFirm = idOf('2') as FirmId
const reviewer = { userId: idOf('3') as UserId, hasScanner: false }

/**
 * Waiting documents numbered from `first` to `last`, oldest first: every second of one firm, the others of 1,000 firms; of 11
 * types. The last one has a type and a firm of its own, the first five are claimed. The reviewer left one of the
 * firms not long ago.
 */
async function seed(first: number, last: number): Promise<void> {
  const { client } = scene
  await client.query('begin')
  await client.query('alter table documents disable trigger user; alter table document_versions disable trigger user')
  await client.query(`
    insert into security_firms (id, name, registration_number, email, phone, address, province, country,
      verification_status, credit_balance, is_locked)
    select id, 'Firm', id, id, '0', 'a', 'p', 'c', 'draft', 0, false
    from (select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id from generate_series(1, 1100) n) ids
    on conflict do nothing`)
  await client.query(`
    insert into document_former_members (firm_id, user_id, left_at)
    values ('${idOf('50')}', '${reviewer.userId}', now()) on conflict do nothing`)
  await client.query(
    `create temporary table made on commit drop as
     select gen_random_uuid() as id, '2026-01-01'::timestamptz + n * interval '1 second' as at,
       case when n = $3 then '${rareFirm}' when n % 2 = 0 then '${commonFirm}'
         else ('00000000-0000-4000-8000-' || lpad((10 + n % 1000)::text, 12, '0'))::uuid end::uuid as firm_id,
       case when n = $3 then 'annual_return' else 'type_' || n % 11 end as document_type
     from generate_series($1::int, $2::int) n`
      .replaceAll('$3', String(last))
      .replace('$1', String(first))
      .replace('$2', String(last)),
  )
  await client.query(`
    insert into documents (firm_id, id, document_type, current_version, created_by)
    select firm_id, id, document_type, 1, gen_random_uuid() from made`)
  await client.query(`
    insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
      scan_status, uploaded_by, uploaded_at)
    select firm_id, id, 1, 'a.pdf', 1, 'application/pdf', 's3', id, 'skipped', gen_random_uuid(), at from made`)
  await client.query('select document_fill_review_queue()')
  await client.query(`
    update document_review_queue set claimed_by = gen_random_uuid(), claimed_until = '2100-01-01'
    where document_id in (select document_id from document_review_queue order by waiting_since limit 5)`)
  await client.query('alter table documents enable trigger user; alter table document_versions enable trigger user')
  await client.query('commit')
  await client.query('vacuum analyze')
}

type Plan = { 'Shared Hit Blocks': number; 'Shared Read Blocks': number }

/** The pages that the statements of a question read. What they change is rolled back. */
async function pagesOf(ask: (db: Db) => Promise<unknown>): Promise<number> {
  const { client, db, statements } = scene
  statements.length = 0
  await ask(db)
  let pages = 0
  for (const { text, parameters } of statements.filter((each) => each.text.includes('document_review_queue'))) {
    await client.query('begin')
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (analyze, buffers, format json) ${text}`,
      [...parameters],
    )
    await client.query('rollback')
    const plan = rows[0]?.['QUERY PLAN'][0].Plan
    pages += Number(plan?.['Shared Hit Blocks']) + Number(plan?.['Shared Read Blocks'])
  }
  return pages
}

const now = new Date('2026-06-01')
const times = { now, until: new Date('2026-06-01T00:10:00Z') }
const everything: QueueFilter = { documentType: undefined, firmId: undefined }
const page = { limit: 9, after: undefined }

/** Runs in a transaction that is rolled back, so that each question finds the same queue. */
const rolledBack = (work: (trx: Tx) => Promise<unknown>) => async (db: Db) => {
  const trx = await db.startTransaction().execute()
  try {
    await work(trx)
  } finally {
    await trx.rollback().execute()
  }
}

const claim = (filter: QueueFilter, reader = reviewer) =>
  rolledBack(async (trx) => {
    expect(await claimOldest(trx, reader, { ...times, filter })).toBeDefined()
  })
const list =
  (filter: QueueFilter, reader = reviewer) =>
  async (db: Db) => {
    expect(await listWaiting(db, reader, { filter, page, now })).not.toEqual([])
  }

const questions: Record<string, (db: Db) => Promise<unknown>> = {
  'the next document': claim(everything),
  'the next document of a common type': claim({ ...everything, documentType: 'type_3' }),
  'the next document of a rare type': claim({ ...everything, documentType: 'annual_return' }),
  'the next document of a firm with many': claim({ ...everything, firmId: commonFirm }),
  'the next document of a firm with few': claim({ ...everything, firmId: rareFirm }),
  'the next document of a firm and a type': claim({ documentType: 'annual_return', firmId: rareFirm }),
  'a first page': list(everything),
  'a first page of a type': list({ ...everything, documentType: 'type_3' }),
  'a first page of a firm': list({ ...everything, firmId: commonFirm }),
  'a later page': async (db) => {
    const after = { at: '2026-01-01T00:00:40Z', id: idOf('0') }
    expect(await listWaiting(db, reviewer, { filter: everything, page: { ...page, after }, now })).toHaveLength(9)
  },
  'the own claim': rolledBack((trx) => renewClaim(trx, reviewer, { ...times, firmId: null })),
}

test('100,000 waiting documents cost the same as 100', { timeout: 240_000 }, async () => {
  const measure = async () => {
    const pages: Record<string, number> = {}
    for (const [name, ask] of Object.entries(questions)) pages[name] = await pagesOf(ask)
    return pages
  }
  await seed(1, 100)
  const few = await measure()
  await seed(101, 100_000)
  const many = await measure()

  const dearer = Object.entries(many)
    .map(([name, pages]) => ({ name, few: few[name] ?? 0, many: pages }))
    .filter((pages) => pages.many > 2 * pages.few + 20)
  expect(dearer).toEqual([])
  expect(Object.keys(many).length).toBeGreaterThan(10)

  // The summary counts each row, in one index.
  const summary = await pagesOf((db) => countWaiting(db, reviewer, everything))
  expect(summary).toBeLessThan(2500)
})

test('the documents that a reviewer may not decide on are passed without a look-up', { timeout: 240_000 }, async () => {
  await letOthersDecide()
  const readers = {
    '50,000 documents of their own firm': { userId: idOf('5') as UserId, hasScanner: false },
    '50,000 documents that are not scanned': { userId: idOf('6') as UserId, hasScanner: true },
    '50,000 own uploads': { userId: idOf('7') as UserId, hasScanner: false },
  }
  const dear: Record<string, number> = {}
  for (const [name, reader] of Object.entries(readers))
    for (const [kind, ask] of Object.entries({ claim, list })) {
      const pages = await pagesOf(ask(everything, reader))
      // A look-up reads several pages. The index reads one for each row that no vacuum has marked as visible to everybody yet.
      if (pages > 75_000) dear[`${kind}, passing ${name}`] = pages
    }
  expect(dear).toEqual({})
})

/**
 * Leaves the documents of the firm with many in the queue, behind which one of another firm waits. Person 5 left the firm with
 * many not long ago, person 7 uploaded its documents, and only the last document is scanned.
 */
async function letOthersDecide(): Promise<void> {
  const { client } = scene
  await client.query('alter table document_versions disable trigger user')
  await client.query(
    `insert into document_former_members (firm_id, user_id, left_at) values ('${commonFirm}', '${idOf('5')}', now())`,
  )
  await client.query(`update document_versions set uploaded_by = '${idOf('7')}' where firm_id = '${commonFirm}'`)
  await client.query(`update document_versions set scan_status = 'clean' where firm_id = '${rareFirm}'`)
  await client.query('delete from document_review_queue')
  await client.query('select document_fill_review_queue()')
  await client.query(`
    delete from document_review_queue where firm_id <> '${commonFirm}' and document_type <> 'annual_return'`)
  await client.query('alter table document_versions enable trigger user')
  await client.query('vacuum analyze')
}
