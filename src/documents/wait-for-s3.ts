import { setTimeout as wait } from 'node:timers/promises'

import type { Stores } from './stores.ts'

type Patience = {
  patienceMs: number
  signal: AbortSignal
  /** Told when S3 has gone away, and again when the waiting is over. */
  onWaiting: (isWaiting: boolean) => void
}

const lookEveryMs = 200

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
  if (s3?.outage() === undefined) return true
  const endsAt = Date.now() + patienceMs
  onWaiting(true)
  while (s3.outage() !== undefined && Date.now() < endsAt && !signal.aborted)
    await wait(lookEveryMs, undefined, { signal }).catch(() => undefined)
  onWaiting(false)
  return s3.outage() === undefined && !signal.aborted
}
