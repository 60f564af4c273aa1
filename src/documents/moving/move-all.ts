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
  /** A store could not be asked, or something that nobody foresaw. */
  | { outcome: 'failed'; error: unknown }
)

export type MoveAll = Omit<Move, 'limits'> & {
  scope: VersionScope
  /** How many files are written at once, and as many read back. */
  concurrency: number
  /** Waited for before each file: to hold a rate. */
  throttle?: (bytes: number) => Promise<void>
  /** Told once of every version that will not be looked at again; what was under way when it ended is left, and not told. */
  onResult: (settled: MoveResult) => void
  /** Asked when a store could not be asked: true once it is worth another try, false to end here. */
  waitForRetry: (error: unknown, version: StoredVersion) => Promise<boolean>
}

const pauseMs = 1000
/** A version that others hold for longer than a dead mover may is left to the next run. */
const maxBusyMs = 2 * claimSeconds * 1000
const maxTries = 3

/**
 * Moves every version of a scope. What others move at the same time is looked at again in a later pass. Resolves to false
 * when its signal or an unavailable store ended it.
 */
export async function moveAll(needs: MoveNeeds, actor: EventActor, all: MoveAll): Promise<boolean> {
  const run = {
    limits: createCopyLimits(all.concurrency),
    tries: new Map<VersionId, number>(),
    settled: new Set<VersionId>(),
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
  /** Not moved, and not to be looked at again. Those that moved have left the scope. */
  settled: Set<VersionId>
  isEnded: boolean
  movedAt: number
}

/** Yields how many are to be looked at again. */
async function passOver(needs: MoveNeeds, actor: EventActor, all: MoveAll, run: Run): Promise<number> {
  let left = 0
  await forEachConcurrently(walkVersions(needs.db, all.scope), run.limits.filesUnderway, async (version) => {
    if (run.isEnded || all.signal.aborted) return 'enough'
    if (run.settled.has(version.versionId)) return 'next'
    if (!(await moveOne(needs, actor, { all, run, version }))) left += 1
    return 'next'
  })
  return left
}

type One = { all: MoveAll; run: Run; version: StoredVersion }

/** False: look at it again in the next pass. */
async function moveOne(needs: MoveNeeds, actor: EventActor, { all, run, version }: One): Promise<boolean> {
  const settle = (settled: MoveResult) => {
    if (settled.outcome !== 'moved') run.settled.add(version.versionId)
    needs.metrics.moves.inc({ to: all.to, outcome: settled.outcome })
    if (settled.outcome === 'moved') needs.metrics.movedBytes.inc({ to: all.to }, version.fileSize)
    all.onResult(settled)
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
    return settle({ version, outcome })
  } catch (error) {
    return (await isLeft(needs, { all, run, version }, error)) ? false : settle({ version, outcome: 'failed', error })
  }
}

/** Whether what could not be moved is left as it is: for the next pass, or, where this ends the run, for the next run. */
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
