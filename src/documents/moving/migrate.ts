import { setTimeout as wait } from 'node:timers/promises'

import type { EventActor } from '../../database/events.ts'
import { makeKeptDue } from '../../database/removals.ts'
import { countVersionsIn, type VersionScope } from '../../database/versions-in-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import type { FirmId, StoreName } from '../../vocabulary.ts'
import type { Stores } from '../stores.ts'
import { moveAll, type Settled } from './move-all.ts'
import type { MoveNeeds, MoveOutcome } from './move-version.ts'
import { makePace } from './pace.ts'

export type Migration = {
  to: StoreName
  /** One firm's documents, or all. */
  firmId: FirmId | undefined
  concurrency: number
  bytesPerSecond: number | undefined
  deletesSource: boolean
  signal: AbortSignal
  onSettled: (settled: Settled) => void
  /** Told when S3 has gone away, and again when it is back. */
  onWaiting: (isWaiting: boolean) => void
}

export type Migrated = {
  outcomes: Record<MoveOutcome | 'failed', number>
  bytes: number
  /** False when it was told to end, or S3 stayed away: run again, it goes on. */
  isComplete: boolean
  /** Sources whose removal was ordered by this run, those kept by earlier ones among them. */
  sourcesOrdered: number
}

/** The versions that a migration will look at. */
export function scopeOf({ to, firmId }: Pick<Migration, 'to' | 'firmId'>, { local }: Stores): VersionScope {
  return { store: to === 's3' ? 'local' : 's3', storeId: to === 's3' ? local.storeId : null, firmId }
}

/** How much there is to do. */
export function planMigration(
  { db, stores }: MoveNeeds,
  migration: Pick<Migration, 'to' | 'firmId'>,
): Promise<{ files: number; bytes: number }> {
  return countVersionsIn(db, scopeOf(migration, stores))
}

/**
 * Moves every version of one store to the other while the service serves and takes uploads. It may be killed at any
 * moment and be run again, also by several at once; when S3 goes away it waits for it. Sources stay unless `deletesSource`.
 */
export async function migrate(needs: MoveNeeds, actor: EventActor, migration: Migration): Promise<Migrated> {
  const { to, firmId, bytesPerSecond, deletesSource, signal } = migration
  const outcomes = { moved: 0, busy: 0, missing: 0, not_here: 0, wrong: 0, failed: 0 }
  let bytes = 0
  const scope = scopeOf(migration, needs.stores)
  const isComplete = await moveAll(needs, actor, {
    scope,
    to,
    removesSource: deletesSource,
    concurrency: migration.concurrency,
    ...(bytesPerSecond !== undefined && { pace: makePace(bytesPerSecond, signal) }),
    signal,
    onSettled(settled) {
      outcomes[settled.outcome] += 1
      if (settled.outcome === 'moved') bytes += settled.version.fileSize
      migration.onSettled(settled)
    },
    untilWorthwhile: (error) => untilS3IsBack(needs.stores, error, migration),
  })
  const dueAt = new Date(needs.now().getTime() + needs.graceMs)
  const kept = deletesSource ? await makeKeptDue(needs.db, scope, { firmId, dueAt }) : 0
  return { outcomes, bytes, isComplete, sourcesOrdered: deletesSource ? outcomes.moved + kept : 0 }
}

const mostMsOfWaiting = 15 * 60_000
const lookEveryMs = 500

/** False when S3 stayed away for a quarter of an hour, or the run was told to end. Other failures are worth another try. */
async function untilS3IsBack(
  { s3 }: Stores,
  error: unknown,
  { signal, onWaiting }: Pick<Migration, 'signal' | 'onWaiting'>,
): Promise<boolean> {
  if (!(error instanceof StoreError) || s3?.outage() === undefined) return true
  const endsAt = Date.now() + mostMsOfWaiting
  onWaiting(true)
  while (s3.outage() !== undefined && Date.now() < endsAt && !signal.aborted)
    await wait(lookEveryMs, undefined, { signal }).catch(() => undefined)
  onWaiting(false)
  return s3.outage() === undefined && !signal.aborted
}
