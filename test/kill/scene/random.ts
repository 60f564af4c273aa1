import { createHash } from 'node:crypto'

export type Random = {
  /** From 0, below 1. */
  fraction(): number
  /** A whole number, both ends included. */
  between(least: number, most: number): number
  /** True in this percentage of calls. */
  percent(share: number): boolean
  /** Throws if there is nothing to choose from. */
  oneOf<Value>(values: readonly Value[]): Value
}

/** The same seed gives the same numbers, on every machine (Mulberry32). */
export function randomOf(seed: string): Random {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0)
  const fraction = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    fraction,
    between: (least, most) => least + Math.floor(fraction() * (most - least + 1)),
    percent: (share) => fraction() * 100 < share,
    oneOf(values) {
      const value = values[Math.floor(fraction() * values.length)]
      if (value === undefined) throw new Error('there is nothing to choose from')
      return value
    },
  }
}
