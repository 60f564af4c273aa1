import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { claimSeconds } from '../../database/blobs/blob.ts'
import {
  claimMove,
  type ClaimedMove,
  commitMove,
  abandonMove,
  releaseMove,
  renewClaim,
  retargetMove,
} from '../../database/blobs/move-blob.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { type StoredFile, StoreError } from '../../storage/file-store.ts'
import { extensionOf, storageKeyOf } from '../../storage/storage-key.ts'
import type { Clock, ProcessId, StorageKey, StoreName } from '../../vocabulary/vocabulary.ts'
import { reportDamaged } from '../stores/report-damaged.ts'
import { requireStore, type Stores } from '../stores/reachable-stores.ts'
import { copyBlob, type BufferNeeds, type CopyOutcome } from './copy-blob.ts'
import type { CopyLimits } from '../stores/walk-versions.ts'

export type MoveNeeds = BufferNeeds & {
  db: Db
  processId: ProcessId
  stores: Stores
  log: Logger
  metrics: Pick<Metrics, 'damagedVersions' | 'moves' | 'movedBytes' | 'movesResumed'>
  now: Clock
  /** How long a blob without a row stays: longer than any link to it and any request may live. */
  graceMs: number
}

export type Move = {
  to: StoreName
  /** Whether the source is removed after its grace; else it stays. */
  removesSource: boolean
  limits: CopyLimits
  signal: AbortSignal
}

/**
 * - `moved`: the blob is at the target, and its row says so.
 * - `busy`: another mover has claimed it, or it was moved, removed or quarantined meanwhile.
 * - `missing`, `not_here`: the source is gone; or it is not on this disk, and its row names none.
 * - `wrong`: the source differs from what was stored.
 */
export type MoveOutcome = 'moved' | 'busy' | 'missing' | 'not_here' | 'wrong'

/**
 * Moves one version's blob to another store. The process may die after any step:
 *
 * 1. Claim: one statement inserts the target's row with its key. After a death the next mover takes the claim over and
 *    writes to the same key.
 * 2. Copy and read back: the target exists, and the version still names the source. After a death the next mover finds the
 *    target's bytes and compares them instead of copying again.
 * 3. Commit: one transaction makes the version name the target and the source leave after its grace. A claim that was taken
 *    over cannot commit, so no version ever names a blob that was not compared.
 *
 * Throws if a store or the database could not be asked; the version still names the source then, unless the answer of a
 * successful commit was lost.
 */
export async function moveVersion(
  needs: MoveNeeds,
  actor: EventActor,
  version: StoredVersion,
  { to, removesSource, limits, signal }: Move,
): Promise<MoveOutcome> {
  const { firmId, documentId, versionId, fileSize: bytes, store, storeId, key } = version
  const from: BlobLocation = { store, storeId, key }
  const target: BlobLocation = { ...locationIn(needs.stores, to), key: freshKey(version) }
  const move = await claimMove(needs.db, needs.processId, { firmId, documentId, versionId, bytes, from, to: target })
  if (move === undefined) return 'busy'
  if (move.isResumed) needs.metrics.movesResumed.inc()

  const claim = renewClaimWhileMoving(needs.db, move)
  const within = AbortSignal.any([signal, claim.lost])
  try {
    const copied = await copyUntilRight(needs, claim, { version, limits, signal: within })
    if (copied.kind !== 'copied') return await endWithoutCopy(needs, actor, claim.move, copied.kind)
    return await commit(needs, actor, claim.move, { stored: copied.stored, removesSource })
  } catch (error) {
    if (claim.lost.aborted) return 'busy'
    // A commit whose answer was lost may have succeeded: then the claim has ended, and this changes nothing.
    await releaseMove(needs.db, claim.move).catch(() => undefined)
    throw error
  } finally {
    claim.end()
  }
}

function locationIn({ local }: Stores, store: StoreName): Omit<BlobLocation, 'key'> {
  return store === 's3' ? { store, storeId: null } : { store, storeId: local.storeId }
}

function freshKey({ firmId, documentType, key }: StoredVersion): StorageKey {
  return storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: extensionOf(key) })
}

type Copied = CopyOutcome | { kind: 'taken_over' }
type Copying = { version: StoredVersion; limits: CopyLimits; signal: AbortSignal }

/** Other bytes under the target's fresh key are a fault of the store: logged as an error, and another key is tried, once. */
async function copyUntilRight(needs: MoveNeeds, claim: RenewedClaim, copying: Copying): Promise<Copied> {
  const { move } = claim
  // The dead mover's parts cannot be used, and the row has room for one upload id only.
  if (move.abandonedMultipartId !== null && move.to.store === 's3')
    await needs.stores.s3?.abortMultipart(move.to.key, move.abandonedMultipartId)
  const first = await copyOnce(needs, move, copying)
  if (first.kind !== 'target_wrong') return first

  const { store, key } = move.to
  needs.log.error({ event: 'move_target_wrong', store, key }, 'copy differs from its source, trying another key')
  const another = { key: freshKey(copying.version), dueAt: endOfGrace(needs) }
  const retargeted = await retargetMove(needs.db, needs.processId, move, another)
  if (retargeted === undefined) return { kind: 'taken_over' }
  claim.move = retargeted
  return copyOnce(needs, retargeted, copying)
}

async function copyOnce(
  needs: MoveNeeds,
  { from, to }: ClaimedMove,
  { version, limits, signal }: Copying,
): Promise<CopyOutcome> {
  const { firmId, documentId, documentType, fileName, fileSize, sha256, mimeType } = version
  return copyBlob(needs, {
    from: { store: requireStore(needs.stores, from), key: from.key },
    to: { store: requireStore(needs.stores, to), key: to.key },
    size: fileSize,
    sha256,
    contentType: mimeType,
    labels: { originalFileName: fileName, documentType, firmId, documentId },
    limits,
    signal,
  })
}

async function commit(
  needs: MoveNeeds,
  actor: EventActor,
  move: ClaimedMove,
  { stored, removesSource }: { stored: StoredFile; removesSource: boolean },
): Promise<MoveOutcome> {
  const graceEnds = endOfGrace(needs)
  const outcome = await inTransaction(needs.db, (trx) =>
    commitMove(trx, actor, move, {
      sha256: stored.sha256,
      etag: stored.etag,
      objectVersionId: stored.objectVersionId,
      sourceStoreId: locationIn(needs.stores, move.from.store).storeId,
      sourceDueAt: removesSource ? graceEnds : null,
      targetDueAt: graceEnds,
    }),
  )
  return outcome === 'committed' ? 'moved' : 'busy'
}

async function endWithoutCopy(
  needs: MoveNeeds,
  actor: EventActor,
  move: ClaimedMove,
  kind: Exclude<Copied['kind'], 'copied'>,
): Promise<MoveOutcome> {
  switch (kind) {
    case 'taken_over':
      return 'busy'
    case 'target_wrong':
      throw new StoreError('misused', 'The store returned other bytes than were sent to it, twice.')
    case 'source_missing':
      await abandonMove(needs.db, move, endOfGrace(needs))
      // The platform's rows name no disk: a file that is not on this one may be on another.
      if (move.from.store === 'local' && move.from.storeId === null) return 'not_here'
      await reportDamaged(needs, actor, move.from, 'missing')
      return 'missing'
    case 'source_wrong':
      await abandonMove(needs.db, move, endOfGrace(needs))
      await reportDamaged(needs, actor, move.from, 'wrong')
      return 'wrong'
  }
}

/** When the source of a move that ends now may be removed. */
export function endOfGrace({ now, graceMs }: Pick<MoveNeeds, 'now' | 'graceMs'>): Date {
  return new Date(now().getTime() + graceMs)
}

type RenewedClaim = {
  /** Replaced, under the same claim, when the move gets another target. */
  move: ClaimedMove
  /** Aborts when another mover has taken the claim over. */
  lost: AbortSignal
  end(): void
}

function renewClaimWhileMoving(db: Db, move: ClaimedMove): RenewedClaim {
  const losing = new AbortController()
  const claim = { move, lost: losing.signal, end: () => clearInterval(timer) }
  const timer = setInterval(() => void renew(), (claimSeconds / 3) * 1000)
  timer.unref()

  async function renew(): Promise<void> {
    const { move: current } = claim
    try {
      const isOurs = await renewClaim(db, current)
      if (!isOurs && claim.move === current) losing.abort(new Error('Another mover has taken this move over.'))
    } catch {
      // The next renewal may reach the database, and the commit checks the claim in any case.
    }
  }
  return claim
}
