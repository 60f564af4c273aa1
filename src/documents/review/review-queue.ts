import { recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import type { Person } from '../../database/people/accounts.ts'
import { countDecisionsOfDay, type DecisionCounts } from '../../database/review/count-decisions.ts'
import {
  countWaiting,
  listWaiting,
  type QueueFilter,
  type QueuePage,
  type QueueReader,
  type WaitingDocument,
  type WaitingOfType,
} from '../../database/review/review-queue.ts'
import { AccessDenied } from '../../errors/app-error.ts'
import { recordDenial, requireReviewer } from '../../people/require-right.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { Actor, Clock } from '../../vocabulary/vocabulary.ts'

export type QueueNeeds = { db: Db; scanner: Scanner | undefined; now: Clock }

const action = 'review_queue.listed'

/** The documents that this person may decide on, those that wait longest first. */
export async function browseReviewQueue(
  { db, scanner, now }: QueueNeeds,
  actor: Actor,
  { filter, page }: { filter: QueueFilter; page: QueuePage },
): Promise<WaitingDocument[]> {
  const person = await requireReviewer(db, actor, action)
  return await recordDenial(db, actor, { action }, async () => {
    const waiting = await listWaiting(db, readerOf(person, scanner), {
      filter: filterOf(person, filter),
      page,
      now: now(),
    })
    await recordEvent(db, actor, { action, outcome: 'ok' })
    return waiting
  })
}

export type QueueSummary = { waiting: WaitingOfType[]; decidedToday: DecisionCounts }

/** How many documents wait, by type, the type with the oldest one first; and what the caller decided today. */
export async function summarizeReviewQueue({ db, scanner, now }: QueueNeeds, actor: Actor): Promise<QueueSummary> {
  const person = await requireReviewer(db, actor, action)
  const filter = filterOf(person, nothing)
  return {
    waiting: await countWaiting(db, readerOf(person, scanner), filter),
    decidedToday: await countDecisionsOfDay(db, person.id, { now: now(), firmId: filter.firmId }),
  }
}

export function readerOf({ id }: Person, scanner: Scanner | undefined): QueueReader {
  return { userId: id, hasScanner: scanner !== undefined }
}

const nothing: QueueFilter = { documentType: undefined, firmId: undefined }

/** An API key of one firm sees that firm's documents alone. Throws the denial of a key for another firm. */
export function filterOf({ keyFirmId }: Person, filter: QueueFilter): QueueFilter {
  if (keyFirmId === null) return filter
  if (filter.firmId !== undefined && filter.firmId !== keyFirmId) throw new AccessDenied('key_of_other_firm')
  return { ...filter, firmId: keyFirmId }
}
