import { setTimeout as sleep } from 'node:timers/promises'

import type { Outage } from '../../storage/s3/circuit-breaker.ts'
import type { S3Trouble } from '../../storage/s3/requests/s3-errors.ts'
import type { Stores } from './reachable-stores.ts'

/** S3 went away; it is back; it stayed away longer than the patience. */
export type Waiting = 'waiting' | 'back' | 'given_up'

export type Patience = {
  patienceMs: number
  signal: AbortSignal
  /** Called when S3 goes away and when the wait ends, but not if the signal ends it. */
  onWaiting: (state: Waiting) => void
  /** A count of finished work. Waits without progress between them share the patience. Undefined: each wait has all of it. */
  progress?: () => number
}

const pollMs = 200

/** Troubles that may end by themselves. The others end when somebody changes a setting. */
const transient = new Set<S3Trouble>(['no_answer', 'too_busy', 'broken', 'clock_off'])

/** Whether an outage may end by itself. */
export function isTransient(outage: Pick<Outage, 'trouble'> | undefined): boolean {
  return outage !== undefined && transient.has(outage.trouble)
}

type Waited = { s3?: Pick<NonNullable<Stores['s3']>, 'outage'> | undefined }

/**
 * Creates a function that waits for S3 to come back; concurrent calls share one wait. False if S3 stayed away too long or
 * the signal aborted; true at once without an outage.
 */
export function createS3Wait(
  { s3 }: Waited,
  { patienceMs, signal, onWaiting, progress }: Patience,
): () => Promise<boolean> {
  let waiting: Promise<boolean> | undefined
  let isGivenUp = false
  let waitedMs = 0
  let lastProgress: number | undefined
  const isOut = () => s3?.outage() !== undefined

  /** Waits without progress between them share the patience. */
  function remainingMs(): number {
    const finished = progress?.()
    if (finished === undefined || finished !== lastProgress) waitedMs = 0
    lastProgress = finished
    return patienceMs - waitedMs
  }

  async function wait(): Promise<boolean> {
    const outage = s3?.outage()
    if (outage === undefined) return true
    if (!isTransient(outage)) return false
    const startedAt = Date.now()
    const endsAt = startedAt + remainingMs()
    onWaiting('waiting')
    while (isOut() && Date.now() < endsAt && !signal.aborted)
      await sleep(pollMs, undefined, { signal }).catch(() => undefined)
    waitedMs += Date.now() - startedAt
    if (signal.aborted) return false
    isGivenUp = isOut()
    onWaiting(isGivenUp ? 'given_up' : 'back')
    return !isGivenUp
  }

  return async () => {
    if (isGivenUp) return false
    waiting ??= wait().finally(() => (waiting = undefined))
    return waiting
  }
}
