import { setTimeout as wait } from 'node:timers/promises'

import type { S3Trouble } from '../storage/s3-errors.ts'
import type { Stores } from './stores.ts'

type Patience = {
  patienceMs: number
  signal: AbortSignal
  /** Told when S3 has gone away, and again when the waiting is over. */
  onWaiting: (isWaiting: boolean) => void
}

const lookEveryMs = 200

/** What may end by itself; all else waits for somebody to change a setting. */
const passing = new Set<S3Trouble>(['no_answer', 'too_busy', 'broken', 'clock_off'])

/**
 * Makes the waiting for an S3 that went away in the midst of long work; of several that wait at once, one looks and tells.
 * It gives false when S3 stayed away for too long or the work was told to end, and true at once where there is no outage:
 * one failure of a single call is none.
 */
export function makeWaitForS3(stores: Stores, patience: Patience): () => Promise<boolean> {
  let waiting: Promise<boolean> | undefined
  return async () => {
    waiting ??= waitForS3(stores, patience).finally(() => (waiting = undefined))
    return waiting
  }
}

async function waitForS3({ s3 }: Stores, { patienceMs, signal, onWaiting }: Patience): Promise<boolean> {
  const outage = s3?.outage()
  if (s3 === undefined || outage === undefined) return true
  if (!passing.has(outage.trouble)) return false
  const endsAt = Date.now() + patienceMs
  onWaiting(true)
  while (s3.outage() !== undefined && Date.now() < endsAt && !signal.aborted)
    await wait(lookEveryMs, undefined, { signal }).catch(() => undefined)
  onWaiting(false)
  return s3.outage() === undefined && !signal.aborted
}
