import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { backedUpTables, leftOutTables } from '../../src/database/backup/tables-to-back-up.ts'
import { startService } from '../support/service/start-service.ts'

test('every table is either in a backup or listed with a reason', async () => {
  const service = await startService()
  try {
    const { rows } = await sql<{ name: string }>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`.execute(
      service.app.db,
    )

    const decided = [...backedUpTables, ...Object.keys(leftOutTables)]
    expect(decided.toSorted()).toEqual(rows.map(({ name }) => name).toSorted())
    expect(Object.values(leftOutTables).filter((why) => why.length < 20)).toEqual([])
  } finally {
    await service.stop()
  }
})

test('no backup contains credentials', () => {
  const kept = new Set<string>(backedUpTables)

  expect(['document_sessions', 'document_refresh_tokens', 'document_secrets'].filter((name) => kept.has(name))).toEqual(
    [],
  )
})
