import { setTimeout as wait } from 'node:timers/promises'

import type { Outage } from '../../storage/s3/circuit-breaker.ts'
import type { S3Trouble } from '../../storage/s3/requests/s3-errors.ts'
import type { Stores } from './stores.ts'

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

const lookEveryMs = 200

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
export function createS3Wait(stores: Waited, patience: Patience): () => Promise<boolean> {
  let waiting: Promise<boolean> | undefined
  let isGivenUp = false
  let row: { moves: number | undefined; waitedMs: number } | undefined
  const beginWaiting = () => {
    const moves = patience.progress?.()
    if (row === undefined || moves === undefined || moves !== row.moves) row = { moves, waitedMs: 0 }
    const [begun, startedAt] = [row, Date.now()]
    return {
      endsAt: startedAt + patience.patienceMs - begun.waitedMs,
      end: () => void (begun.waitedMs += Date.now() - startedAt),
    }
  }
  const onWaiting = (state: Waiting) => {
    isGivenUp ||= state === 'given_up'
    patience.onWaiting(state)
  }
  return async () => {
    if (isGivenUp) return false
    waiting ??= waitForS3(stores, { ...patience, onWaiting, beginWaiting }).finally(() => (waiting = undefined))
    return waiting
  }
}

type Wait = Pick<Patience, 'signal' | 'onWaiting'> & { beginWaiting: () => { endsAt: number; end: () => void } }

async function waitForS3({ s3 }: Waited, { signal, onWaiting, beginWaiting }: Wait): Promise<boolean> {
  const outage = s3?.outage()
  if (s3 === undefined || outage === undefined) return true
  if (!isTransient(outage)) return false
  const { endsAt, end } = beginWaiting()
  onWaiting('waiting')
  while (s3.outage() !== undefined && Date.now() < endsAt && !signal.aborted)
    await wait(lookEveryMs, undefined, { signal }).catch(() => undefined)
  end()
  if (signal.aborted) return false
  const isBack = s3.outage() === undefined
  onWaiting(isBack ? 'back' : 'given_up')
  return isBack
}
