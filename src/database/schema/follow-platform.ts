import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { isLockTimeout } from '../connection/postgres-errors.ts'

/** Rows compared in one step: one transaction, in which the platform's changes wait for those rows that differ. */
const rowsPerStep = 1000
const pauseMs = 500
/** Each of these may wait a moment for a version, while the rows of those before it are held. */
const notesPerStep = 50

/**
 * Compares what the platform wrote with what stands here, and makes ours follow: rows that were there before us, and
 * changes that no trigger saw. It goes on from where the last one ended, whoever that was, in steps of a second at most,
 * until all is compared or `isEnough`. Any number may do so at once. Yields how many it looked at.
 */
export async function comparePlatform(db: Db, isEnough: () => boolean): Promise<number> {
  let total = 0
  while (!isEnough()) {
    const looked = await compareStep(db)
    if (looked === 0) break
    if (looked === 'held_up') await wait(pauseMs)
    else total += looked
  }
  return total
}

/** Somebody else compares, or the platform is in the midst of a change. */
async function compareStep(db: Db): Promise<number | 'held_up'> {
  try {
    const { rows } = await sql<{ looked: number }>`select document_compare(${rowsPerStep}) as looked`.execute(db)
    return rows[0]?.looked ?? 0
  } catch (error) {
    if (isLockTimeout(error)) return 'held_up'
    throw error
  }
}

/** Lets the next comparison begin from the start, unless one is under way. */
export async function restartComparison(db: Db): Promise<void> {
  await sql`select document_restart_comparison()`.execute(db)
}

/**
 * Takes up what a trigger had to leave: each note is looked at once, unless it `isEnough`; what cannot be followed yet stays
 * noted. Yields how many were taken up.
 */
export async function followNoted(db: Db, isEnough = () => false): Promise<number> {
  const { rows } = await sql<{ notes: number }>`select count(*)::float8 as notes from document_unfollowed`.execute(db)
  let total = 0
  for (let left = rows[0]?.notes ?? 0; left > 0 && !isEnough(); left -= notesPerStep) total += await followNotedStep(db)
  return total
}

/** None, where somebody holds a whole table. */
async function followNotedStep(db: Db): Promise<number> {
  try {
    const { rows } = await sql<{ taken: number }>`select document_follow_noted(${notesPerStep}) as taken`.execute(db)
    return rows[0]?.taken ?? 0
  } catch (error) {
    if (isLockTimeout(error)) return 0
    throw error
  }
}
