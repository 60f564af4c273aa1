import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { isLockTimeout } from '../connection/postgres-errors.ts'

/** Rows compared in one transaction. Until it ends, the platform's changes of rows that differ wait. */
const rowsPerStep = 1000
const pauseMs = 500
/** Few, because a step keeps its documents locked until it ends. */
const notesPerStep = 50

/**
 * Compares the platform's rows with ours and changes ours: rows from before the service was installed, and changes that no
 * trigger saw. It continues where the last comparison ended, in steps of at most a second, until everything is compared or
 * `isEnough`. Several processes may call it at once. Returns the number of compared rows.
 */
export async function comparePlatform(db: Db, isEnough: () => boolean): Promise<number> {
  let total = 0
  while (!isEnough()) {
    const compared = await compareStep(db)
    if (compared === 0) break
    if (compared === 'locked') await wait(pauseMs)
    else total += compared
  }
  return total
}

/** `locked`: another process is comparing, or the platform is changing these rows. */
async function compareStep(db: Db): Promise<number | 'locked'> {
  try {
    const { rows } = await sql<{ compared: number }>`select document_compare(${rowsPerStep}) as compared`.execute(db)
    return rows[0]?.compared ?? 0
  } catch (error) {
    if (isLockTimeout(error)) return 'locked'
    throw error
  }
}

/** Makes the next comparison start from the beginning, unless one is in progress. */
export async function restartComparison(db: Db): Promise<void> {
  await sql`select document_restart_comparison()`.execute(db)
}

/**
 * Follows the noted changes, which a trigger could not follow. It tries each note once, until `isEnough`. A note stays if
 * its change cannot be followed yet. Returns the number of followed changes.
 */
export async function followNoted(db: Db, isEnough = () => false): Promise<number> {
  const { rows } = await sql<{ notes: number }>`select count(*)::float8 as notes from document_unfollowed`.execute(db)
  let total = 0
  for (let left = rows[0]?.notes ?? 0; left > 0 && !isEnough(); left -= notesPerStep) total += await followNotedStep(db)
  return total
}

/** Returns 0 while another transaction has locked a whole table. */
async function followNotedStep(db: Db): Promise<number> {
  try {
    const { rows } = await sql<{ taken: number }>`select document_follow_noted(${notesPerStep}) as taken`.execute(db)
    return rows[0]?.taken ?? 0
  } catch (error) {
    if (isLockTimeout(error)) return 0
    throw error
  }
}
