import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { countRows } from '../../../src/database/work/count-rows.ts'
import { openNotingDatabase } from '../../support/database/count-statements.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'

const versions = 12_000

const scene = sceneOfFile(async (closing) => {
  const database = await freshDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  closing.defer(() => service.stop())
  const { db, statements } = openNotingDatabase(closing, database.url)
  const { firm, admin } = await firmWithAdmin(service)
  await sql`
    with d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      select ${firm}::uuid, gen_random_uuid(), 'tax_clearance', 1, ${admin.id}::uuid from generate_series(1, ${versions})
      returning firm_id, id, created_by
    )
    insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
      storage_key, scan_status, uploaded_by)
    select firm_id, id, 1, 'a.pdf', 1, 'application/pdf', repeat('0', 64), 's3', id, 'skipped', created_by from d`.execute(
    db,
  )
  await sql`vacuum analyze`.execute(db)
  return { db, statements }
})

type Plan = { 'Actual Rows': number; 'Actual Loops': number; Plans?: Plan[] } & Record<string, unknown>

/** The rows that the nodes of a statement's plan yield, and the pages that they read. */
async function measure(text: string) {
  const { rows } = await sql<{ 'QUERY PLAN': [{ Plan: Plan }] }>`
    explain (analyze, buffers, format json) ${sql.raw(text)}`.execute(scene.db)
  const plan = rows[0]?.['QUERY PLAN'][0].Plan
  if (plan === undefined) throw new Error('there is no plan')
  return { rows: rowsOf(plan), pages: Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']) }
}

function rowsOf({ 'Actual Rows': rows, 'Actual Loops': loops, Plans: plans = [] }: Plan): number {
  return rows * loops + plans.reduce((sum, each) => sum + rowsOf(each), 0)
}

test('without a scanner, the metrics read no row of unscanned versions', async () => {
  const { db, statements } = scene
  const counts = await countRows(db, { hasScanner: false })
  const { rows, pages } = await measure(statements.at(-1) ?? '')

  expect(counts.scansWaiting).toEqual({ count: 0, oldestSeconds: 0 })
  expect(rows).toBeLessThan(200)
  expect(pages).toBeLessThan(200)
})

test('with a scanner, unscanned versions count as waiting', async () => {
  const { scansWaiting } = await countRows(scene.db, { hasScanner: true })
  expect(scansWaiting.count).toBe(10_000)
})
