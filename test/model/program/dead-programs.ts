import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'

import type { Db } from '../../../src/database/connection/client.ts'

const withinMs = 30_000

/**
 * Waits until a killed program's connections are gone. Then its statements in the database have ended, committed or
 * not.
 */
export async function untilDisconnected(db: Db, name: string): Promise<void> {
  for (const giveUpAt = Date.now() + withinMs; Date.now() < giveUpAt; await sleep(5)) {
    const { rows } = await sql`select from pg_stat_activity where application_name = ${name}`.execute(db)
    if (rows.length === 0) return
  }
  throw new Error(`the database still has connections of ${name}, which was killed`)
}
