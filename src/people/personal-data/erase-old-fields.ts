import type { Db } from '../../database/connection/client.ts'
import { deleteFields, eraseEndedSessions } from '../../database/personal-data/erase-fields.ts'
import { deleteLateAccess, listUnfinishedErasures } from '../../database/personal-data/erasures.ts'
import { hasAdoptedPlatformTables } from '../../database/schema/installation.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { eraseFieldsOf } from './erase-person.ts'

type Needs = { db: Db; now: Clock }

export type FinishedErasures = { finished_erasures: number; unfinished_erasures: number }

/**
 * Finishes erasures whose process died or that were too large for one request. Also deletes what requests wrote for an
 * erased person that began before the erasure, or that had an old token. A platform that keeps the account may let the
 * person act again, so there only unfinished erasures count.
 */
export async function finishErasures(needs: Needs, signal: AbortSignal): Promise<FinishedErasures> {
  const { db } = needs
  const isPlatforms = await hasAdoptedPlatformTables(db)
  if (!isPlatforms) await deleteLateAccess(db)
  const done = { finished_erasures: 0, unfinished_erasures: 0 }
  for (const userId of await listUnfinishedErasures(db, { includesLate: !isPlatforms })) {
    const finishedAt = await eraseFieldsOf(needs, userId, signal)
    if (finishedAt === null) done.unfinished_erasures += 1
    else done.finished_erasures += 1
  }
  return done
}

export type AgedFields = {
  erased_events: number
  erased_sessions: number
  /** RFC 3339. */
  erased_before: string
  /** False: the next run continues. */
  complete: boolean
}

const defaultBatch = { fieldsAtOnce: 1000, maxBatches: 200 }

/**
 * Deletes addresses and user agents of events, with their salts, and of ended sessions, that are older than these months. In
 * small batches, each of its own, so that it may stop at any moment and the next run continues.
 */
export async function eraseOldFields(
  { db, now }: Needs,
  months: number,
  signal: AbortSignal,
  { fieldsAtOnce, maxBatches } = defaultBatch,
): Promise<AgedFields> {
  const before = monthsBefore(now(), months)
  const done: AgedFields = {
    erased_events: 0,
    erased_sessions: await eraseEndedSessions(db, now(), before),
    erased_before: before.toISOString(),
    complete: false,
  }
  for (let batch = 0; batch < maxBatches && !signal.aborted && !done.complete; batch += 1) {
    const { deleted, isLast } = await deleteFields(db, { size: fieldsAtOnce, of: { before } })
    done.erased_events += deleted
    done.complete = isLast
  }
  return done
}

/** The same time of day, months earlier; on the last day of a month that is too short. */
function monthsBefore(date: Date, months: number): Date {
  const earlier = new Date(date)
  earlier.setUTCMonth(date.getUTCMonth() - months)
  // 31 March minus one month would be 3 March.
  if (earlier.getUTCDate() !== date.getUTCDate()) earlier.setUTCDate(0)
  return earlier
}
