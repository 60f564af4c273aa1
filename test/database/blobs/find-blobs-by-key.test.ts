import { randomUUID } from 'node:crypto'

import { Kysely, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import { expect, test } from 'vitest'

import { isNamed } from '../../../src/database/blobs/quarantine-blob.ts'
import { claimRemovals } from '../../../src/database/blobs/remove-blobs.ts'
import type { Db } from '../../../src/database/connection/client.ts'
import type { Tables } from '../../../src/database/connection/tables.ts'
import { findUnnamedKeys } from '../../../src/database/blobs/unnamed-files.ts'
import { storageKeyOf } from '../../../src/storage/storage-key.ts'
import type { FirmId, ProcessId } from '../../../src/vocabulary/vocabulary.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const blobs = 20_000
const firmId = randomUUID() as FirmId

type Statement = { text: string; parameters: readonly unknown[] }

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const pool = new Pool({ connectionString: database.url })
  const statements: Statement[] = []
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void statements.push({ text: query.sql, parameters: query.parameters }),
  })
  closing.defer(() => db.destroy())
  await sql`
    insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, due_at)
    select ${firmId}::uuid, gen_random_uuid(), gen_random_uuid(), 's3',
      'security_firms/' || ${firmId}::text || '/tax_clearance_' || gen_random_uuid() || '.pdf',
      case when n > 50 then 'live' else 'leaving' end, case when n <= 50 then now() end
    from generate_series(1, ${blobs}::int) n`.execute(db)
  await sql`analyze`.execute(db)
  return { db, pool, statements }
})

type Plan = { 'Node Type': string; 'Relation Name'?: string; 'Index Name'?: string; Plans?: Plan[] }

const partsOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(partsOf)]

/** The plans for the blobs table in each statement of a question. */
async function waysOf(ask: (db: Db) => Promise<unknown>): Promise<{ indexes: string[]; scansAll: boolean }> {
  const { db, pool, statements } = scene
  statements.length = 0
  await ask(db)
  const parts: Plan[] = []
  for (const { text, parameters } of statements.filter((each) => each.text.includes('document_blobs'))) {
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`explain (format json) ${text}`, [
      ...parameters,
    ])
    parts.push(...rows.flatMap((row) => partsOf(row['QUERY PLAN'][0].Plan)))
  }
  return {
    indexes: parts.flatMap((part) => part['Index Name'] ?? []),
    scansAll: parts.some((part) => part['Node Type'] === 'Seq Scan' && part['Relation Name'] === 'document_blobs'),
  }
}

const key = () => storageKeyOf({ firmId, documentType: 'tax_clearance', uuid: randomUUID(), extension: 'pdf' })
const onS3 = { store: 's3', storeId: null } as const
const removals = { scope: { dueAt: new Date(Date.now() + 60_000) }, now: new Date(), limit: 1000 }

const questions: Record<string, (db: Db) => Promise<unknown>> = {
  'the collector asks what keeps the blobs that are due': (db) =>
    claimRemovals(db, randomUUID() as ProcessId, onS3, removals),
  'verify asks for keys that no row names': (db) => findUnnamedKeys(db, onS3, [key(), key()]),
  'the quarantine asks whether a row names an orphan': (db) => isNamed(db, { ...onS3, key: key() }, null),
}

test.each(Object.entries(questions))(
  '%s: blobs are found by their key, without a read of the whole table',
  async (_who, ask) => {
    const { indexes, scansAll } = await waysOf(ask)

    expect(scansAll).toBe(false)
    expect(indexes).toContain('document_blobs_by_key')
  },
)
