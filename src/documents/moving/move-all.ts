import { setTimeout as wait } from 'node:timers/promises'

import type { EventActor } from '../../database/audit/events.ts'
import { claimSeconds } from '../../database/blobs/blob.ts'
import type { StoredVersion, VersionScope } from '../../database/documents/versions-in-store.ts'
import type { VersionId } from '../../vocabulary/vocabulary.ts'
import { traced } from '../../logging/spans.ts'
import { forEachConcurrently, createCopyLimits, type CopyLimits, walkVersions } from '../stores/walk-versions.ts'
import { type Move, type MoveNeeds, type MoveOutcome, moveVersion } from './move-version.ts'

export type MoveResult = { version: StoredVersion } & (
  | { outcome: MoveOutcome }
  /** A store could not be asked, or an unexpected error. */
  | { outcome: 'failed'; error: unknown }
)

type MoveAll = Omit<Move, 'limits'> & {
  scope: VersionScope
  /** The number of files written at once, and of files read back at once. */
  concurrency: number
  /** Limits the rate: awaited before each file. */
  throttle?: (bytes: number) => Promise<void>
  /** Called once for every version that is finished. A move that was in progress at the end is not reported. */
  onResult: (settled: MoveResult) => void
  /** Awaited after an error: true when a retry makes sense, false to end the run. */
  waitForRetry: (error: unknown, version: StoredVersion) => Promise<boolean>
}

const pauseMs = 1000
/** Longer than a dead mover's claim lives: a version that stays busy is left to the next run. */
const maxBusyMs = 2 * claimSeconds * 1000
const maxTries = 3

/**
 * Moves every version of a scope. Versions that another mover has claimed are tried again in a later pass. False if the
 * signal or an unavailable store ended the run. If the process dies, a new run continues: moved versions have left the
 * scope, and `moveVersion` resumes the others.
 */
export async function moveAll(needs: MoveNeeds, actor: EventActor, all: MoveAll): Promise<boolean> {
  const run = {
    limits: createCopyLimits(all.concurrency),
    tries: new Map<VersionId, number>(),
    finished: new Set<VersionId>(),
    isEnded: false,
    movedAt: Date.now(),
  }
  for (;;) {
    const left = await passOver(needs, actor, all, run)
    if (run.isEnded || all.signal.aborted) return false
    if (left === 0) return true
    await wait(pauseMs, undefined, { signal: all.signal }).catch(() => undefined)
  }
}

type Run = {
  limits: CopyLimits
  tries: Map<VersionId, number>
  /** Versions that were not moved and are not tried again. Moved ones have left the scope. */
  finished: Set<VersionId>
  isEnded: boolean
  movedAt: number
}

/** Returns the number of versions to try again. */
async function passOver(needs: MoveNeeds, actor: EventActor, all: MoveAll, run: Run): Promise<number> {
  let left = 0
  await forEachConcurrently(walkVersions(needs.db, all.scope), run.limits.filesUnderway, async (version) => {
    if (run.isEnded || all.signal.aborted) return 'enough'
    if (run.finished.has(version.versionId)) return 'next'
    if (!(await moveOne(needs, actor, { all, run, version }))) left += 1
    return 'next'
  })
  return left
}

type One = { all: MoveAll; run: Run; version: StoredVersion }

/** False: try it again in the next pass. */
async function moveOne(needs: MoveNeeds, actor: EventActor, { all, run, version }: One): Promise<boolean> {
  const finish = (result: MoveResult) => {
    if (result.outcome !== 'moved') run.finished.add(version.versionId)
    needs.metrics.moves.inc({ to: all.to, outcome: result.outcome })
    if (result.outcome === 'moved') needs.metrics.movedBytes.inc({ to: all.to }, version.fileSize)
    all.onResult(result)
    return true
  }
  try {
    await all.throttle?.(version.fileSize)
    const outcome = await traced(`move to ${all.to}`, async (span) => {
      const moved = await moveVersion(needs, actor, version, { ...all, limits: run.limits })
      span?.add({ move: moved, bytes: version.fileSize })
      return moved
    })
    if (outcome === 'moved') run.movedAt = Date.now()
    if (outcome === 'busy' && Date.now() - run.movedAt < maxBusyMs) return false
    return finish({ version, outcome })
  } catch (error) {
    return (await isLeft(needs, { all, run, version }, error)) ? false : finish({ version, outcome: 'failed', error })
  }
}

/** Whether a version that could not be moved is left to the next pass, or, if this ends the run, to the next run. */
async function isLeft(needs: MoveNeeds, { all, run, version }: One, error: unknown): Promise<boolean> {
  if (all.signal.aborted) return true
  if (!(await all.waitForRetry(error, version))) {
    run.isEnded = true
    if (!all.signal.aborted) needs.metrics.moves.inc({ to: all.to, outcome: 'failed' })
    return true
  }
  const tries = (run.tries.get(version.versionId) ?? 0) + 1
  run.tries.set(version.versionId, tries)
  return tries < maxTries
}
