import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, it } from 'vitest'

import { connectDatabase } from '../../src/database/connect-database.ts'
import { restartComparison, followNoted } from '../../src/database/schema/compare-platform.ts'
import { begin } from '../support/service/begin.ts'
import { deleteDocumentRow, insertDocumentRow, updateDocumentRow } from '../support/platform/platform-documents.ts'
import { countUnfollowed, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'
import { withoutTable } from './without-table.ts'
import { lockRows } from '../../src/database/documents/documents.ts'

const beside = serviceBeside()

const db = () => beside.service.app.db
const rows = (id: string) => rowsOf(beside.service, id)
const insert = (row: Record<string, unknown> = {}) => insertDocumentRow(beside.platform, beside.firm, row)

it('many noted changes are followed in steps, and locked rows are skipped', async () => {
  const ids: string[] = []
  for (let each = 0; each < 60; each += 1) ids.push(await insert())
  await beside.platform.query(
    'insert into document_unfollowed (firm_id, document_id) select firm_id, id from documents where id = any ($1)',
    [ids],
  )
  const lockHolder = new Client({ connectionString: beside.database.settings.DATABASE_OWNER_URL })
  await lockHolder.connect()
  await lockHolder.query('begin')
  await lockHolder.query('select from documents where id = any ($1) for update', [ids])
  await beside.platform.query('alter table firm_documents disable trigger user')
  await beside.platform.query(`update firm_documents set document_type = 'bank_statement' where id = any ($1)`, [ids])
  await beside.platform.query('alter table firm_documents enable trigger user')
  const free = await insert()
  await beside.platform.query('insert into document_unfollowed (firm_id, document_id) values ($1, $2)', [
    beside.firm,
    free,
  ])
  expect(await followNoted(db())).toBe(1)
  expect(await countUnfollowed(beside.service)).toBe(60)
  await lockHolder.query('commit')
  await lockHolder.end()

  expect(await followNoted(db())).toBe(60)
  expect(await countUnfollowed(beside.service)).toBe(0)
})

it('a reader that waits for all changes of the platform gets a page despite a row locked by another session', async () => {
  const held = await insert({ file_name: '0.pdf' })
  await beside.platform.query('alter table firm_documents disable trigger user')
  await updateDocumentRow(beside.platform, { id: held }, { document_type: 'bank_statement' })
  const added = await insert()
  await beside.platform.query('alter table firm_documents enable trigger user')
  const locking = await begin(db())
  await sql`select from documents where id = ${held} for update`.execute(locking)
  await restartComparison(db())

  const { config, log } = beside.service.app
  const connected = await connectDatabase({ config: config.database, dataDir: config.dataDir, log, comparesAll: true })
  await connected.close()

  expect((await rows(added)).versions).toHaveLength(1)
  expect(await countUnfollowed(beside.service)).toBe(1)
  await locking.commit().execute()
  expect(await followNoted(db())).toBe(1)
})

it('the job skips a document that a transaction is changing, and that transaction follows the note itself', async () => {
  const [held, changed, other] = [await insert(), await insert(), await insert()]
  await withoutTable(beside.platform, 'documents', async () => {
    for (const id of [held, other]) await deleteDocumentRow(beside.platform, { id })
    await updateDocumentRow(beside.platform, { id: changed }, { file_name: '1.pdf' })
  })
  const [changing, holding, following] = [await begin(db()), await begin(db()), await begin(db())]
  await lockRows(changing, { firmId: beside.firm, documentId: held })
  await sql`select from documents where id = ${changed} for update`.execute(holding)
  const { rows: followed } = await sql`select document_follow_noted(50) as taken`.execute(following)
  await holding.commit().execute()
  // During the job's transaction.
  await beside.platform.query("set lock_timeout = '5s'")
  await updateDocumentRow(beside.platform, { id: changed }, { file_name: '2.pdf' })
  await beside.platform.query('reset lock_timeout')
  await following.commit().execute()
  await sql`select document_follow_locked(${beside.firm}, ${held})`.execute(changing)
  await changing.commit().execute()
  await followNoted(db())

  expect(followed).toEqual([{ taken: 1 }])
  expect(await countUnfollowed(beside.service)).toBe(0)
  for (const id of [held, other]) expect((await rows(id)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  expect((await rows(changed)).versions).toMatchObject([{ file_name: '2.pdf' }])
})

it('notes of locked documents delay no other notes and take no lock of theirs', async () => {
  const ids: string[] = []
  for (let each = 0; each < 61; each += 1) ids.push(await insert())
  const [last, ...held] = ids
  const lockHolder = new Client({ connectionString: beside.database.settings.DATABASE_OWNER_URL })
  await lockHolder.connect()
  await lockHolder.query('begin')
  await lockHolder.query('select from documents where id = any ($1) for update', [held])
  await beside.platform.query(
    `insert into document_unfollowed (firm_id, document_id, noted_at)
     select firm_id, id, now() - make_interval(hours => case id when $1 then 0 else 1 end) from documents where id = any ($2)`,
    [last, ids],
  )

  expect(await followNoted(db())).toBe(1)
  const following = await begin(db())
  await sql`select document_follow_noted(50)`.execute(following)
  const { rows: locks } = await sql`
    select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`.execute(following)
  await following.commit().execute()
  await lockHolder.query('commit')
  await lockHolder.end()

  expect(locks).toEqual([])
  expect(await followNoted(db())).toBe(60)
})
