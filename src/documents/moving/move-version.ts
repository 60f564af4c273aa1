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
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { type StoredFile, StoreError } from '../../storage/file-store.ts'
import { extensionOf, storageKeyOf } from '../../storage/storage-key.ts'
import type { Clock, ProcessId, StorageKey, StoreName } from '../../vocabulary/vocabulary.ts'
import { reportDamaged } from '../stores/claim-store.ts'
import { requireStore, type Stores } from '../stores/stores.ts'
import { copyBlob, type BufferNeeds, type CopyOutcome } from './copy-blob.ts'
import type { CopyLimits } from '../stores/walk-versions.ts'

export type MoveNeeds = BufferNeeds & {
  db: Db
  processId: ProcessId
  stores: Stores
  log: Logger
  metrics: Pick<Metrics, 'damagedVersions' | 'moves' | 'movedBytes' | 'movesResumed'>
  now: Clock
  /** How long bytes stay that no row names any more: longer than any link to them and any request may live. */
  graceMs: number
}

export type Move = {
  to: StoreName
  /** Whether the source goes, after its grace; else it stays, on purpose. */
  removesSource: boolean
  limits: CopyLimits
  signal: AbortSignal
}

/**
 * - `moved`: it lies at the target, and its row says so.
 * - `busy`: another mover is at it, or it was moved or removed meanwhile, or is on its way into quarantine.
 * - `missing`, `not_here`: its bytes are gone; or, where its row names no disk, not on this one.
 * - `wrong`: its bytes are not those that were stored.
 */
export type MoveOutcome = 'moved' | 'busy' | 'missing' | 'not_here' | 'wrong'

/**
 * Moves one version's bytes to another store: claim, copy, read back, commit. If the process dies, the next mover resumes
 * the move. Throws when a store or the database could not be asked; the version's bytes are then still at the source.
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

  const keeping = renewClaimWhileMoving(needs.db, move)
  const within = AbortSignal.any([signal, keeping.lost])
  try {
    const copied = await copyUntilRight(needs, keeping, { version, limits, signal: within })
    if (copied.kind !== 'copied') return await endWithoutCopy(needs, actor, keeping.move, copied.kind)
    return await commit(needs, actor, keeping.move, { stored: copied.stored, removesSource })
  } catch (error) {
    if (keeping.lost.aborted) return 'busy'
    // Also after a commit whose answer was lost: if it succeeded, the claim is gone, and there is nothing to release.
    await releaseMove(needs.db, keeping.move).catch(() => undefined)
    throw error
  } finally {
    keeping.end()
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

/** Other bytes under a key that was made for this move alone are a fault of the store: it alarms, and another key is tried, once. */
async function copyUntilRight(needs: MoveNeeds, keeping: RenewedClaim, copying: Copying): Promise<Copied> {
  const { move } = keeping
  // Its parts are lost to us, and the next upload's id takes the place of its own.
  if (move.abandonedMultipartId !== null && move.to.store === 's3')
    await needs.stores.s3?.abortMultipart(move.to.key, move.abandonedMultipartId)
  const first = await copyOnce(needs, move, copying)
  if (first.kind !== 'target_wrong') return first

  const { store, key } = move.to
  needs.log.error({ event: 'move_target_wrong', store, key }, 'other bytes found where a file was copied to')
  const another = { key: freshKey(copying.version), dueAt: endOfGrace(needs) }
  const retargeted = await retargetMove(needs.db, needs.processId, move, another)
  if (retargeted === undefined) return { kind: 'taken_over' }
  keeping.move = retargeted
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
      throw new StoreError('misused', 'The store gave back other bytes than were sent to it, twice.')
    case 'source_missing':
      await abandonMove(needs.db, move, endOfGrace(needs))
      // The platform's rows name no disk: what is not on this one may be on another.
      if (move.from.store === 'local' && move.from.storeId === null) return 'not_here'
      await reportDamaged(needs, actor, move.from, 'missing')
      return 'missing'
    case 'source_wrong':
      await abandonMove(needs.db, move, endOfGrace(needs))
      await reportDamaged(needs, actor, move.from, 'wrong')
      return 'wrong'
  }
}

function endOfGrace({ now, graceMs }: MoveNeeds): Date {
  return new Date(now().getTime() + graceMs)
}

type RenewedClaim = {
  /** Another one under the same claim once it has another target. */
  move: ClaimedMove
  /** Aborts when another mover has taken over. */
  lost: AbortSignal
  end(): void
}

function renewClaimWhileMoving(db: Db, move: ClaimedMove): RenewedClaim {
  const losing = new AbortController()
  const kept = { move, lost: losing.signal, end: () => clearInterval(timer) }
  const timer = setInterval(() => void renew(), (claimSeconds / 3) * 1000)
  timer.unref()

  async function renew(): Promise<void> {
    const { move: current } = kept
    try {
      const isOurs = await renewClaim(db, current)
      if (!isOurs && kept.move === current) losing.abort(new Error('Another mover has taken this move over.'))
    } catch {
      // The database is away: the next renewal may reach it, and the commit asks whose move it is in any case.
    }
  }
  return kept
}
