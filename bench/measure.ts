import type { LoadOrder } from './load.ts'
import { readCpuSeconds } from './read-process.ts'
import type { Load } from './start-load.ts'

export type Measured = {
  perSecond: number
  medianMs: number
  slowestMs: number
  /** Of the process that served, for each request; undefined where none did. */
  cpuMs: number | undefined
}

/** Sends one order and looks at what it cost the process that serves it. */
export async function measure(load: Load, order: LoadOrder, pid: number | undefined): Promise<Measured> {
  const before = pid === undefined ? 0 : await readCpuSeconds(pid)
  const { seconds, medianMs, slowestMs } = await load.make(order)
  const cpuSeconds = pid === undefined ? undefined : (await readCpuSeconds(pid)) - before
  const cpuMs = cpuSeconds === undefined ? undefined : (cpuSeconds * 1000) / order.count
  return { perSecond: order.count / seconds, medianMs, slowestMs, cpuMs }
}

/** One way to have the same done. */
export type Contender = {
  name: string
  pid?: number
  order(atOnce: number, count: number): LoadOrder
  /** After each measurement. */
  tidy?: () => Promise<void>
}

/**
 * Every contender once a round, and in the next round another one first: a machine that gets slower or busier meanwhile
 * is so for all of them. Gives back the rounds of each contender, in the contenders' order.
 */
export async function measureInTurn(
  load: Load,
  contenders: Contender[],
  { rounds, count, atOnce }: { rounds: number; count: number; atOnce: number },
): Promise<Measured[][]> {
  const results = contenders.map((): Measured[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [offset] of contenders.entries()) {
      const turn = (round + offset) % contenders.length
      const contender = contenders[turn]
      if (contender === undefined) continue
      results[turn]?.push(await measure(load, contender.order(atOnce, count), contender.pid))
      await contender.tidy?.()
    }
  }
  return results
}

export type Spread = { median: number; least: number; most: number }

export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const [least = Number.NaN] = sorted
  return { median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, least, most: sorted.at(-1) ?? Number.NaN }
}

/** How many times as long `ours` takes, round by round. */
export function timesAsLong(ours: Measured[], theirs: Measured[]): Spread {
  return spreadOf(ours.map(({ perSecond }, round) => (theirs[round]?.perSecond ?? Number.NaN) / perSecond))
}
