import pLimit, { type LimitFunction } from 'p-limit'

/**
 * What a store is asked at once: so many files are written while as many are read back. The steps in the database wait
 * for no turn, so that both stores are kept at work.
 */
export type Turns = { writing: LimitFunction; readingBack: LimitFunction; filesUnderway: number }

/** `atOnce`: files written, and files read back, at one time. */
export function makeTurns(atOnce: number): Turns {
  return { writing: pLimit(atOnce), readingBack: pLimit(atOnce), filesUnderway: 3 * atOnce }
}
