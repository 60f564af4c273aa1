import { recordEvent } from '../../database/audit/events.ts'
import type { Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import { hasUploaded } from '../../database/documents/record-review.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import {
  claimOldest,
  claimOne,
  endClaim,
  findWaiting,
  lockClaimsOf,
  lockInQueue,
  type QueueFilter,
  renewClaim,
  type WaitingDocument,
} from '../../database/review/review-queue.ts'
import { AppError } from '../../errors/app-error.ts'
import { recordDenial, requireReviewer } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
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
  const person = await requireReviewer(db, actor, claimed)
  return await recordDenial(db, actor, { action: claimed }, () =>
    inTransaction(db, async (trx) => {
      await lockClaimsOf(trx, actor.userId)
      const reader = readerOf(person, scanner)
      const times = timesFrom(now())
      const wanted = filterOf(person, filter)
      const next =
        (await renewClaim(trx, reader, { ...times, firmId: person.keyFirmId })) ??
        (await claimOldest(trx, reader, { ...times, filter: wanted }))
      if (next === undefined) return undefined
      const waiting = await requireWaiting(trx, next.documentId, times.now)
      await recordClaim(trx, actor, waiting)
      return waiting
    }),
  )
}

/**
 * Claims one document, or renews the own claim. Throws `claimed` with the name of another reviewer, `forbidden` for a document
 * of the own firm or an own upload, `not_found` when it waits for no decision, and what prevents reading it.
 */
export async function claimDocument(
  { db, scanner, now }: QueueNeeds,
  actor: Actor,
  documentId: DocumentId,
): Promise<WaitingDocument> {
  await requireReviewer(db, actor, claimed)
  const place = await findWaiting(db, documentId, now())
  if (place === undefined) throw notWaiting()
  const { firmId } = place.document
  return await recordDenial(db, actor, { action: claimed, firmId, documentId }, () =>
    inTransaction(db, async (trx) => {
      const times = timesFrom(now())
      await lockInQueue(trx, { documentId, firmId })
      const { document, claim } = await requireWaiting(trx, documentId, times.now)
      await assertMayDecide(trx, actor, document)
      if (claim !== null && claim.by !== actor.userId) throw claimedBy(claim)
      assertServable(document, { scanner })
      await claimOne(trx, { documentId, firmId }, { ...times, userId: actor.userId })
      const waiting = await requireWaiting(trx, documentId, times.now)
      await recordClaim(trx, actor, waiting)
      return waiting
    }),
  )
}

const released = 'document.claim_released'

/** Ends a claim; the next reviewer gets the document. Only for the claim's own person and administrators. */
export async function releaseClaim({ db, now }: QueueNeeds, actor: Actor, documentId: DocumentId): Promise<void> {
  const person = await requireReviewer(db, actor, released)
  const place = await findWaiting(db, documentId, now())
  if (place === undefined) throw notWaiting()
  const { firmId } = place.document
  const event = { action: released, firmId, documentId }
  await recordDenial(db, actor, event, async () => {
    filterOf(person, { documentType: undefined, firmId })
    await inTransaction(db, async (trx) => {
      await lockInQueue(trx, { documentId, firmId })
      const { claim } = await requireWaiting(trx, documentId, now())
      if (claim === null) throw new AppError('not_found', 'Nobody has claimed this document.')
      if (claim.by !== actor.userId && !person.isAdministrator)
        throw new AppError('forbidden', `${nameOf(claim)} has claimed this document. An administrator can release it.`)
      await endClaim(trx, { documentId, firmId }, claim.by)
      await recordEvent(trx, actor, { ...event, outcome: 'ok', details: { claimed_by: claim.by } })
    })
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

async function recordClaim(trx: Tx, actor: Actor, { document }: WaitingDocument): Promise<void> {
  const { firmId, id: documentId, version } = document
  await recordEvent(trx, actor, { action: claimed, outcome: 'ok', firmId, documentId, version })
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
  const time = claim.until.toISOString().slice(11, 16)
  return new AppError(
    'claimed',
    `${nameOf(claim)} has claimed this document until ${time} UTC. Take the next one, or ask them to release it.`,
  )
}
