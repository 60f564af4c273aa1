import { finished } from 'node:stream/promises'

import { makeRetainedSourcesDue } from '../../database/blobs/remove-blobs.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { isPermissionDenied } from '../../database/connection/postgres-errors.ts'
import { countVersionsIn, type StoredVersion, type VersionScope } from '../../database/documents/versions-in-store.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import { isDiskFullOrReadOnly } from '../../storage/local/local-errors.ts'
import type { FirmId, StoreName } from '../../vocabulary/vocabulary.ts'
import { maxBytesInMemory } from '../upload/buffer-file.ts'
import { requireStore, type Stores } from '../stores/stores.ts'
import { createS3Wait, type Patience } from '../stores/wait-for-s3.ts'
import { forEachConcurrently, createThrottle, walkVersions } from '../stores/walk-versions.ts'
import { moveAll, type MoveResult } from './move-all.ts'
import type { MoveNeeds, MoveOutcome } from './move-version.ts'

/** With how long S3 is waited for when it goes away in the middle. */
export type Migration = {
  to: StoreName
  firmId: FirmId | undefined
  concurrency: number
  bytesPerSecond: number | undefined
  deletesSource: boolean
  onResult: (settled: MoveResult) => void
} & Patience

export type Migrated = {
  outcomes: Record<MoveOutcome | 'failed', number>
  bytes: number
  /** False when it was told to end, S3 stayed away, or the disk took no more: run again, it goes on. */
  isComplete: boolean
  diskFailure: StoreError | undefined
  /** Sources whose removal was ordered by this run, those kept by earlier ones among them. */
  sourcesOrdered: number
}

function scopeOf({ to, firmId }: Pick<Migration, 'to' | 'firmId'>, { local }: Stores): VersionScope {
  return { store: to === 's3' ? 'local' : 's3', storeId: to === 's3' ? local.storeId : null, isMovable: true, firmId }
}

export function planMigration(
  { db, stores }: MoveNeeds,
  migration: Pick<Migration, 'to' | 'firmId'>,
): Promise<{ files: number; bytes: number }> {
  return countVersionsIn(db, scopeOf(migration, stores))
}

/**
 * Moves every version of one store to the other while the service runs. It may be killed and run again, also by several at
 * once, and waits for S3. Sources stay unless `deletesSource`. Throws where the database's user lacks a right.
 */
export async function migrate(needs: MoveNeeds, actor: EventActor, migration: Migration): Promise<Migrated> {
  const { to, firmId, bytesPerSecond, deletesSource, signal } = migration
  const outcomes = { moved: 0, busy: 0, missing: 0, not_here: 0, wrong: 0, failed: 0 }
  let bytes = 0
  let diskFailure: StoreError | undefined
  const scope = scopeOf(migration, needs.stores)
  const s3IsBack = createS3Wait(needs.stores, migration)
  const isComplete = await moveAll(needs, actor, {
    scope,
    to,
    removesSource: deletesSource,
    concurrency: migration.concurrency,
    ...(bytesPerSecond !== undefined && { throttle: createThrottle(bytesPerSecond, signal) }),
    signal,
    onResult(settled) {
      outcomes[settled.outcome] += 1
      if (settled.outcome === 'moved') bytes += settled.version.fileSize
      migration.onResult(settled)
    },
    async waitForRetry(error, { fileSize }) {
      if (isPermissionDenied(error)) throw error
      if (to === 'local' && isEndOfDisk(error, fileSize)) diskFailure ??= error
      return diskFailure === undefined && s3IsBack()
    },
  })
  const dueAt = new Date(needs.now().getTime() + needs.graceMs)
  const kept = deletesSource ? await makeRetainedSourcesDue(needs.db, scope, { firmId, dueAt }) : 0
  return { outcomes, bytes, isComplete, diskFailure, sourcesOrdered: deletesSource ? outcomes.moved + kept : 0 }
}

/** Of a large file it may be the spool that is full, or it alone that does not fit. */
function isEndOfDisk(error: unknown, fileSize: number): error is StoreError {
  return isDiskFullOrReadOnly(error) && fileSize <= maxBytesInMemory
}

/** What a move would meet at the source. `wrong`: it has another length than its row says. */
export type DryRunOutcome = 'ready' | 'missing' | 'not_here' | 'wrong' | 'unreadable'

type DryRun = Pick<Migration, 'to' | 'firmId' | 'concurrency' | 'signal'> & {
  onResult: (looked: { version: StoredVersion; outcome: DryRunOutcome; error?: unknown }) => void
}

/** A migration that changes nothing: looks at every source, opens it, and says what a move of it would meet. */
export async function dryRunMigration(needs: MoveNeeds, rehearsal: DryRun): Promise<boolean> {
  const { concurrency, signal, onResult } = rehearsal
  await forEachConcurrently(walkVersions(needs.db, scopeOf(rehearsal, needs.stores)), concurrency, async (version) => {
    if (signal.aborted) return 'enough'
    onResult({ version, ...(await checkSource(requireStore(needs.stores, version), version)) })
    return 'next'
  })
  return !signal.aborted
}

async function checkSource(
  store: FileStore,
  { key, fileSize, storeId, store: name }: StoredVersion,
): Promise<{ outcome: DryRunOutcome; error?: unknown }> {
  try {
    const stat = await store.stat(key)
    if (stat === undefined) return { outcome: name === 'local' && storeId === null ? 'not_here' : 'missing' }
    if (stat.size !== fileSize) return { outcome: 'wrong' }
    if (fileSize > 0) await readOneByte(store, key)
    return { outcome: 'ready' }
  } catch (error) {
    // A disk or a bucket that is away is not the fault of this file.
    if (error instanceof StoreError && error.code === 'unavailable' && name === 's3') throw error
    return { outcome: 'unreadable', error }
  }
}

async function readOneByte(store: FileStore, key: StoredVersion['key']): Promise<void> {
  await finished((await store.read(key, { start: 0, end: 0 })).resume())
}
