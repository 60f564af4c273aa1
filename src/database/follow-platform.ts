import { sql } from 'kysely'

import type { Db } from './client.ts'

/** Rows looked at in one step: one transaction, in which the platform's changes of these very rows wait. */
const rowsAtOnce = 1000

/**
 * Compares what the platform wrote with what stands here, and makes ours follow: rows that were there before us, and
 * changes that no trigger saw. It goes on from where the last one ended, whoever that was, in steps of a second at most,
 * until all is compared or `isEnough`. Any number may do so at once. Yields how many it looked at.
 */
export async function comparePlatform(db: Db, isEnough: () => boolean): Promise<number> {
  let total = 0
  for (let looked = 1; looked > 0 && !isEnough(); total += looked) {
    const { rows } = await sql<{ looked: number }>`select document_compare(${rowsAtOnce}) as looked`.execute(db)
    looked = rows[0]?.looked ?? 0
  }
  return total
}

/** Lets the next comparison begin from the start, unless one is under way. */
export async function comparePlatformAnew(db: Db): Promise<void> {
  await sql`select document_compare_anew()`.execute(db)
}

/** Takes up what a trigger had to leave, once: what cannot be followed yet stays noted. Yields how many were taken up. */
export async function followNoted(db: Db): Promise<number> {
  const { rows } = await sql<{ taken: number }>`select document_follow_noted(${rowsAtOnce}) as taken`.execute(db)
  return rows[0]?.taken ?? 0
}
