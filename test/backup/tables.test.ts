import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { backedUpTables, leftOutTables } from '../../src/database/backup/tables-to-back-up.ts'
import { startService } from '../support/service/start-service.ts'

test('of every table it is decided whether a backup has it, or why not', async () => {
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

test('what lets somebody in is in no backup', () => {
  const kept = new Set<string>(backedUpTables)

  expect(['document_sessions', 'document_refresh_tokens', 'document_secrets'].filter((name) => kept.has(name))).toEqual(
    [],
  )
})
