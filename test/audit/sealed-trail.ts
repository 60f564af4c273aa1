import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { Client } from 'pg'

import { sealTrail } from '../../src/audit/seal-trail.ts'
import type { Heads, TrailFinding } from '../../src/audit/compare-trail.ts'
import { type VerifyResult, verifyTrail } from '../../src/audit/verify-trail.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { recordEvent, systemActor } from '../../src/database/audit/events.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { startService } from '../support/service/start-service.ts'

/** A service with a database of its own, which the owner of the database may change despite the triggers. */
export async function openTrail(closing: AsyncDisposableStack): Promise<{ db: Db; url: string }> {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  closing.defer(() => service.stop())
  return { db: service.app.db, url: database.url }
}

/** Writes this number of events, each in its own transaction. */
export async function writeEvents(db: Db, count: number, firmId: FirmId = randomUUID() as FirmId): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await recordEvent(db, systemActor(`test-${number}`), {
      action: 'document.uploaded',
      outcome: 'ok',
      firmId,
      details: { number, name: 'Zertifikat "ä" \u2028 \\ 名前.pdf', size: 1e21 },
    })
  }
}

/** A trail of three seals: one of 5 events, and two of 10. */
export async function sealThrice(db: Db): Promise<void> {
  await writeEvents(db, 5)
  await sealAll(db)
  await writeEvents(db, 20)
  await sealAll(db)
}

/** Makes seals of 10 events. Waits until all events are final: transactions in other databases of the server count too. */
export async function sealAll(db: Db, signal = new AbortController().signal) {
  while (!(await isFinal(db))) await wait(20)
  return sealTrail({ db, signal }, 10)
}

async function isFinal(db: Db): Promise<boolean> {
  const { rows } = await sql<{ final: boolean }>`
    select document_trail_offset() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      > all (select transaction_id from document_events) as final`.execute(db)
  return rows[0]?.final === true
}

export async function findFaults(db: Db, heads: Heads = new Map()) {
  const findings: TrailFinding[] = []
  const verified = await verifyTrail(
    { db, signal: new AbortController().signal },
    { heads, onFinding: (finding) => findings.push(finding) },
  )
  return { findings, verified } satisfies { findings: TrailFinding[]; verified: VerifyResult }
}

/** Runs statements as a superuser who wants to change the history: no trigger stops them. */
export async function tamper(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
