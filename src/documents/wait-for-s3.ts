import { setTimeout as wait } from 'node:timers/promises'

import type { Outage } from '../storage/circuit-breaker.ts'
import type { S3Trouble } from '../storage/s3-errors.ts'
import type { Stores } from './stores.ts'

/** S3 has gone away; it is back; it stayed away for all of the patience. */
export type Waiting = 'waiting' | 'back' | 'given_up'

export type Patience = {
  patienceMs: number
  signal: AbortSignal
  /** Told when S3 has gone away, and how that ended; the latter not where somebody ends the work. */
  onWaiting: (state: Waiting) => void
}

const lookEveryMs = 200

/** What may end by itself; all else waits for somebody to change a setting. */
const passing = new Set<S3Trouble>(['no_answer', 'too_busy', 'broken', 'clock_off'])

/** Whether S3 is away in a way that may end by itself. */
export function isPassing(outage: Outage | undefined): boolean {
  return outage !== undefined && passing.has(outage.trouble)
}

/**
 * Makes the waiting for an S3 that went away in the midst of long work; of several that wait at once, one looks and tells.
 * It gives false when S3 stayed away for too long, also to who comes later, or the work was told to end, and true at once
 * where there is no outage: one failure of a single call is none.
 */
export function makeWaitForS3(stores: Stores, patience: Patience): () => Promise<boolean> {
  let waiting: Promise<boolean> | undefined
  let isGivenUp = false
  const onWaiting = (state: Waiting) => {
    isGivenUp ||= state === 'given_up'
    patience.onWaiting(state)
  }
  return async () => {
    if (isGivenUp) return false
    waiting ??= waitForS3(stores, { ...patience, onWaiting }).finally(() => (waiting = undefined))
    return waiting
  }
}

async function waitForS3({ s3 }: Stores, { patienceMs, signal, onWaiting }: Patience): Promise<boolean> {
  const outage = s3?.outage()
  if (s3 === undefined || outage === undefined) return true
  if (!isPassing(outage)) return false
  const endsAt = Date.now() + patienceMs
  onWaiting('waiting')
  while (s3.outage() !== undefined && Date.now() < endsAt && !signal.aborted)
    await wait(lookEveryMs, undefined, { signal }).catch(() => undefined)
  if (signal.aborted) return false
  const isBack = s3.outage() === undefined
  onWaiting(isBack ? 'back' : 'given_up')
  return isBack
}
