import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import type { Db } from '../../database/client.ts'
import type { EventActor } from '../../database/events.ts'
import { flipMove } from '../../database/flip-move.ts'
import { inTransaction } from '../../database/in-transaction.ts'
import { claimMove, endMove, type OpenMove, releaseMove, retargetMove } from '../../database/moves.ts'
import type { Place } from '../../database/places.ts'
import type { StoredVersion } from '../../database/versions-in-store.ts'
import type { Metrics } from '../../metrics.ts'
import { type StoredFile, StoreError } from '../../storage/file-store.ts'
import { extensionOf, storageKeyOf } from '../../storage/storage-key.ts'
import type { Clock, DocumentId, StorageKey, StoreName } from '../../vocabulary.ts'
import { reportWrongBytes } from '../report-wrong-bytes.ts'
import { storeHolding, type Stores } from '../stores.ts'
import { copyBytes, type CopyNeeds, type CopyOutcome } from './copy-bytes.ts'
import { keepLease } from './keep-lease.ts'
import type { Turns } from './turns.ts'

export type MoveNeeds = CopyNeeds & {
  db: Db
  stores: Stores
  log: Logger
  metrics: Pick<Metrics, 'wrongBytes' | 'moves' | 'movedBytes' | 'movesTakenOver'>
  now: Clock
  /** How long bytes stay that no row names any more: longer than any link to them and any request may live. */
  graceMs: number
}

export type Move = {
  to: StoreName
  /** Whether the source goes, after its grace; else it stays, on purpose. */
  removesSource: boolean
  turns: Turns
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
 * Moves one version's bytes to another store: intent, copy, read back, and only then the row. It may be killed at any
 * moment and be run again, by anybody: the next one takes over the intent once its lease has ended. Throws when a store
 * or the database could not be asked; the version then stands where it stood.
 */
export async function moveVersion(
  needs: MoveNeeds,
  actor: EventActor,
  version: StoredVersion,
  { to, removesSource, turns, signal }: Move,
): Promise<MoveOutcome> {
  const { firmId, documentId, versionId, store, storeId, key } = version
  const from: Place = { store, storeId, key }
  const target: Place = { ...placeIn(needs.stores, to), key: freshKey(version) }
  const move = await claimMove(needs.db, { firmId, versionId, from, to: target })
  if (move === undefined) return 'busy'
  if (move.isTakenOver) needs.metrics.movesTakenOver.inc()

  const lease = keepLease(needs.db, move)
  const within = AbortSignal.any([signal, lease.lost])
  try {
    const copied = await copyUntilRight(needs, move, { version, turns, signal: within })
    if (copied.kind !== 'copied') return await endInVain(needs, actor, move, copied.kind)
    return await flip(needs, actor, move, { stored: copied.stored, documentId, removesSource })
  } catch (error) {
    if (lease.lost.aborted) return 'busy'
    // Also after a flip whose answer was lost: if it stands, the intent is gone, and there is nothing to release.
    await releaseMove(needs.db, move).catch(() => undefined)
    throw error
  } finally {
    lease.end()
  }
}

function placeIn({ local }: Stores, store: StoreName): Omit<Place, 'key'> {
  return store === 's3' ? { store, storeId: null } : { store, storeId: local.storeId }
}

function freshKey({ firmId, documentType, key }: StoredVersion): StorageKey {
  return storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: extensionOf(key) })
}

type Copied = CopyOutcome | { kind: 'taken_over' }
type Copying = { version: StoredVersion; turns: Turns; signal: AbortSignal }

/** Other bytes under a key that was made for this move alone are a fault of the store: it alarms, and another key is tried, once. */
async function copyUntilRight(needs: MoveNeeds, move: OpenMove, copying: Copying): Promise<Copied> {
  // Its parts are lost to us, and the next upload's id takes the place of its own.
  if (move.deadMultipartId !== null && move.to.store === 's3')
    await needs.stores.s3?.abortMultipart(move.to.key, move.deadMultipartId)
  const first = await copyOnce(needs, move, copying)
  if (first.kind !== 'target_wrong') return first

  const { store, key } = move.to
  needs.log.error({ event: 'move_target_wrong', store, key }, 'other bytes lie where a file was copied to')
  const another = freshKey(copying.version)
  if (!(await retargetMove(needs.db, move, another, endOfGrace(needs)))) return { kind: 'taken_over' }
  move.to = { ...move.to, key: another }
  return copyOnce(needs, move, copying)
}

async function copyOnce(
  needs: MoveNeeds,
  { from, to }: OpenMove,
  { version, turns, signal }: Copying,
): Promise<CopyOutcome> {
  const { firmId, documentId, documentType, fileName, fileSize, sha256, mimeType } = version
  return copyBytes(needs, {
    from: { store: storeHolding(needs.stores, from), key: from.key },
    to: { store: storeHolding(needs.stores, to), key: to.key },
    size: fileSize,
    sha256,
    contentType: mimeType,
    labels: { originalFileName: fileName, documentType, firmId, documentId },
    turns,
    signal,
  })
}

async function flip(
  needs: MoveNeeds,
  actor: EventActor,
  move: OpenMove,
  { stored, documentId, removesSource }: { stored: StoredFile; documentId: DocumentId; removesSource: boolean },
): Promise<MoveOutcome> {
  const graceEnds = endOfGrace(needs)
  const facts = {
    ...stored,
    documentId,
    etag: stored.etag,
    objectVersionId: stored.objectVersionId,
    sourceStoreId: placeIn(needs.stores, move.from.store).storeId,
    sourceDueAt: removesSource ? graceEnds : null,
    targetDueAt: graceEnds,
  }
  const outcome = await inTransaction(needs.db, (trx) => flipMove(trx, actor, move, facts))
  return outcome === 'flipped' ? 'moved' : 'busy'
}

async function endInVain(
  needs: MoveNeeds,
  actor: EventActor,
  move: OpenMove,
  kind: Exclude<Copied['kind'], 'copied'>,
): Promise<MoveOutcome> {
  switch (kind) {
    case 'taken_over':
      return 'busy'
    case 'target_wrong':
      throw new StoreError('misused', 'The store gave back other bytes than were sent to it, twice.')
    case 'source_missing':
      await endMove(needs.db, move, endOfGrace(needs))
      // The platform's rows name no disk: what is not on this one may be on another.
      if (move.from.store === 'local' && move.from.storeId === null) return 'not_here'
      await reportWrongBytes(needs, actor, move.from, 'missing')
      return 'missing'
    case 'source_wrong':
      await endMove(needs.db, move, endOfGrace(needs))
      await reportWrongBytes(needs, actor, move.from, 'wrong')
      return 'wrong'
  }
}

function endOfGrace({ now, graceMs }: MoveNeeds): Date {
  return new Date(now().getTime() + graceMs)
}
