import { finished } from 'node:stream/promises'

import { makeRetainedSourcesDue } from '../../database/blobs/remove-blobs.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { isPermissionDenied } from '../../database/connection/postgres-errors.ts'
import { countVersionsIn, type StoredVersion, type VersionScope } from '../../database/documents/versions-in-store.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import { isDiskFullOrReadOnly } from '../../storage/local/local-errors.ts'
import type { FirmId, StoreName } from '../../vocabulary/vocabulary.ts'
import { maxBytesInMemory } from '../upload/buffer-file.ts'
import { requireStore, type Stores } from '../stores/reachable-stores.ts'
import { createS3Wait, type Patience } from '../stores/wait-for-s3.ts'
import { forEachConcurrently, createThrottle, walkVersions } from '../stores/walk-versions.ts'
import { moveAll, type MoveResult } from './move-all.ts'
import { endOfGrace, type MoveNeeds, type MoveOutcome } from './move-version.ts'

/** `Patience`: how long to wait for S3 if it goes away meanwhile. */
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
  /** False if the signal aborted, S3 stayed away, or the disk is full. A new run continues. */
  isComplete: boolean
  diskFailure: StoreError | undefined
  /** Sources that this run scheduled for removal, including those that earlier runs left. */
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
 * Moves every version of one store to the other while the service runs, and waits for S3. If it is killed, a new run
 * continues; several may run at once. Sources stay unless `deletesSource`. Throws if the database's user lacks a right.
 */
export async function migrate(needs: MoveNeeds, actor: EventActor, migration: Migration): Promise<Migrated> {
  const { to, firmId, bytesPerSecond, deletesSource, signal } = migration
  const outcomes = { moved: 0, busy: 0, missing: 0, not_here: 0, wrong: 0, failed: 0 }
  let bytes = 0
  let diskFailure: StoreError | undefined
  const scope = scopeOf(migration, needs.stores)
  const waitForS3 = createS3Wait(needs.stores, migration)
  const isComplete = await moveAll(needs, actor, {
    scope,
    to,
    removesSource: deletesSource,
    concurrency: migration.concurrency,
    ...(bytesPerSecond !== undefined && { throttle: createThrottle(bytesPerSecond, signal) }),
    signal,
    onResult(result) {
      outcomes[result.outcome] += 1
      if (result.outcome === 'moved') bytes += result.version.fileSize
      migration.onResult(result)
    },
    async waitForRetry(error, { fileSize }) {
      if (isPermissionDenied(error)) throw error
      if (to === 'local' && isEndOfDisk(error, fileSize)) diskFailure ??= error
      return diskFailure === undefined && waitForS3()
    },
  })
  const dueAt = endOfGrace(needs)
  const kept = deletesSource ? await makeRetainedSourcesDue(needs.db, scope, { firmId, dueAt }) : 0
  return { outcomes, bytes, isComplete, diskFailure, sourcesOrdered: deletesSource ? outcomes.moved + kept : 0 }
}

/** Not for a large file: the spool may be full, or this file alone does not fit. */
function isEndOfDisk(error: unknown, fileSize: number): error is StoreError {
  return isDiskFullOrReadOnly(error) && fileSize <= maxBytesInMemory
}

/** The state of a source. `wrong`: its length differs from its row. */
export type DryRunOutcome = 'ready' | 'missing' | 'not_here' | 'wrong' | 'unreadable'

type DryRun = Pick<Migration, 'to' | 'firmId' | 'concurrency' | 'signal'> & {
  onResult: (looked: { version: StoredVersion; outcome: DryRunOutcome; error?: unknown }) => void
}

/** A migration that changes nothing: opens every source and reports whether it could be moved. */
export async function dryRunMigration(needs: MoveNeeds, dryRun: DryRun): Promise<boolean> {
  const { concurrency, signal, onResult } = dryRun
  await forEachConcurrently(walkVersions(needs.db, scopeOf(dryRun, needs.stores)), concurrency, async (version) => {
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
    // S3 is away, which says nothing about this file.
    if (error instanceof StoreError && error.code === 'unavailable' && name === 's3') throw error
    return { outcome: 'unreadable', error }
  }
}

async function readOneByte(store: FileStore, key: StoredVersion['key']): Promise<void> {
  await finished((await store.read(key, { start: 0, end: 0 })).resume())
}
