import { recordEvent } from '../../database/audit/events.ts'
import type { Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import { hasUploaded } from '../../database/documents/record-review.ts'
import type { Person } from '../../database/people/accounts.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import {
  type Claimed,
  claimOldest,
  claimOne,
  endClaim,
  endOtherClaims,
  findWaiting,
  lockClaimsOf,
  lockInQueue,
  type QueueFilter,
  renewClaim,
  type WaitingDocument,
} from '../../database/review/review-queue.ts'
import { AppError } from '../../errors/app-error.ts'
import { assertReviewer, recordDenial, requireReviewer } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
import { clockInJohannesburg } from '../../vocabulary/days.ts'
import type { Actor, DocumentId } from '../../vocabulary/vocabulary.ts'
import { assertServable } from '../download/assert-servable.ts'
import { filterOf, type QueueNeeds, readerOf } from './review-queue.ts'

/** Contract §8. */
const claimMinutes = 10

const claimed = 'document.claimed'

/**
 * Claims the document that waits longest among those that this person may decide on, for 10 minutes. Somebody who has a claim
 * already gets that document again, with new 10 minutes. Undefined when nothing waits. Two people never get the same.
 */
export async function claimNext(
  { db, scanner, now }: QueueNeeds,
  actor: Actor,
  filter: QueueFilter,
): Promise<WaitingDocument | undefined> {
  await requireReviewer(db, actor, claimed)
  return await recordDenial(db, actor, { action: claimed }, () =>
    inTransaction(db, async (trx) => {
      await lockClaimsOf(trx, actor.userId)
      // Again, because the lock waits: the person may have lost the right meanwhile.
      const person = await assertReviewer(trx, actor)
      const reader = readerOf(person, scanner)
      const times = timesFrom(now())
      const wanted = filterOf(person, filter)
      const next =
        (await renewClaim(trx, reader, { ...times, firmId: person.keyFirmId })) ??
        (await claimOldest(trx, reader, { ...times, filter: wanted }))
      if (next === undefined) return undefined
      return await recordClaim(trx, actor, next, { person, now: times.now })
    }),
  )
}

/**
 * Claims one document, or renews the own claim. Another claim of this person ends: nobody has two. Throws `claimed` with the
 * name of another reviewer, `forbidden` for a document of the own firm or an own upload, `not_found` when it waits for no
 * decision, and what prevents reading it.
 */
export async function claimDocument(
  { db, scanner, now }: QueueNeeds,
  actor: Actor,
  documentId: DocumentId,
): Promise<WaitingDocument> {
  await requireReviewer(db, actor, claimed)
  return await inQueue({ db, now }, actor, { action: claimed, documentId }, async (trx, place) => {
    await lockClaimsOf(trx, actor.userId)
    const times = timesFrom(now())
    await lockInQueue(trx, place)
    const person = await assertReviewer(trx, actor)
    const { document, claim } = await requireWaiting(trx, documentId, times.now)
    await assertMayDecide(trx, actor, document)
    // The row may be one too many.
    if (document.reviewStatus !== 'pending' || document.deletedAt !== null) throw notWaiting()
    if (claim !== null && claim.by !== actor.userId) throw claimedBy(claim)
    assertServable(document, { scanner })
    await claimOne(trx, place, { ...times, userId: actor.userId })
    return await recordClaim(trx, actor, place, { person, now: times.now })
  })
}

const released = 'document.claim_released'

/** Ends a claim; the next reviewer gets the document. Only for the claim's own person and administrators. */
export async function releaseClaim({ db, now }: QueueNeeds, actor: Actor, documentId: DocumentId): Promise<void> {
  await requireReviewer(db, actor, released)
  await inQueue({ db, now }, actor, { action: released, documentId }, async (trx, place) => {
    await lockInQueue(trx, place)
    const person = await assertReviewer(trx, actor)
    filterOf(person, { documentType: undefined, firmId: place.firmId })
    const { claim } = await requireWaiting(trx, documentId, now())
    if (claim === null) throw new AppError('not_found', 'Nobody has claimed this document.')
    if (claim.by !== actor.userId && !person.isAdministrator)
      throw new AppError('forbidden', `${nameOf(claim)} has claimed this document. An administrator can release it.`)
    await endClaim(trx, place, claim.by)
    await recordRelease(trx, actor, place, { claimed_by: claim.by })
  })
}

type CallInQueue = { action: string; documentId: DocumentId }

/** Runs `work` for a document in the queue, in a transaction. A denial and an unknown document leave an event. */
async function inQueue<Result>(
  { db, now }: Pick<QueueNeeds, 'db' | 'now'>,
  actor: Actor,
  { action, documentId }: CallInQueue,
  work: (trx: Tx, place: Claimed) => Promise<Result>,
): Promise<Result> {
  const firmId = (await findWaiting(db, documentId, now()))?.document.firmId
  const event = { action, documentId, ...(firmId === undefined ? {} : { firmId }) }
  return await recordDenial(db, actor, event, async () => {
    if (firmId === undefined) throw notWaiting()
    return await inTransaction(db, (trx) => work(trx, { documentId, firmId }))
  })
}

/**
 * Throws `claimed` if another person has claimed a document that this transaction has locked. Nobody claims it from now on
 * until the transaction ends.
 */
export async function assertNotClaimed(
  trx: Tx,
  actor: Actor,
  { id, firmId }: DocumentRecord,
  now: Date,
): Promise<void> {
  await lockInQueue(trx, { documentId: id, firmId })
  const claim = (await findWaiting(trx, id, now))?.claim ?? null
  if (claim !== null && claim.by !== actor.userId) throw claimedBy(claim)
}

/** Nobody decides on a document of their own firm, or on their own upload. */
async function assertMayDecide(trx: Tx, actor: Actor, document: DocumentRecord): Promise<void> {
  await requireMembership(trx, { caller: actor, firmId: document.firmId, right: rights['documents.review'] })
  if (await hasUploaded(trx, document, actor)) throw ownUpload()
}

export function ownUpload(): AppError {
  return new AppError('forbidden', 'You uploaded this document yourself. Another administrator has to review it.')
}

async function requireWaiting(trx: Tx, documentId: DocumentId, now: Date): Promise<WaitingDocument> {
  const waiting = await findWaiting(trx, documentId, now)
  if (waiting === undefined) throw notWaiting()
  return waiting
}

/** In the transaction of the claim. The person's other claims end, since nobody has two; a key of one firm sees no others. */
async function recordClaim(
  trx: Tx,
  actor: Actor,
  place: Claimed,
  { person, now }: { person: Person; now: Date },
): Promise<WaitingDocument> {
  const earlier = await endOtherClaims(trx, place, { userId: actor.userId, firmId: person.keyFirmId, now })
  for (const each of earlier)
    await recordRelease(trx, actor, each, { claimed_by: actor.userId, claimed_instead: place.documentId })
  const waiting = await requireWaiting(trx, place.documentId, now)
  const { version } = waiting.document
  await recordEvent(trx, actor, { action: claimed, outcome: 'ok', ...place, version })
  return waiting
}

async function recordRelease(trx: Tx, actor: Actor, place: Claimed, details: Record<string, string>): Promise<void> {
  await recordEvent(trx, actor, { action: released, outcome: 'ok', ...place, details })
}

function timesFrom(now: Date): { now: Date; until: Date } {
  return { now, until: new Date(now.getTime() + claimMinutes * 60_000) }
}

function notWaiting(): AppError {
  return new AppError('not_found', 'This document does not wait for a decision.')
}

type Claim = NonNullable<WaitingDocument['claim']>

function nameOf({ name }: Claim): string {
  return name === '' ? 'Another reviewer' : name
}

function claimedBy(claim: Claim): AppError {
  const time = clockInJohannesburg(claim.until)
  return new AppError(
    'claimed',
    `${nameOf(claim)} has claimed this document until ${time} in South Africa. Take the next one, or ask them to release it.`,
  )
}
