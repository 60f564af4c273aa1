import type { LoadRequest } from '../load/load.ts'
import { readCpuSeconds, readDatabaseCpuSeconds } from './read-process.ts'
import type { Load } from '../load/start-load.ts'

export type Measured = {
  perSecond: number
  medianMs: number
  slowestMs: number
  /** Processor time of the serving process for each request; undefined without one. */
  cpuMs: number | undefined
  /** Processor time of its database; undefined without one, or with one that others use. */
  databaseCpuMs: number | undefined
}

/** Sends one load and measures the processor time of the serving process. */
export async function measure(
  load: Load,
  order: LoadRequest,
  { pid, dataDir }: Pick<Contender, 'pid' | 'dataDir'>,
): Promise<Measured> {
  const read = async () => ({
    own: pid === undefined ? Number.NaN : await readCpuSeconds(pid),
    database: dataDir === undefined ? Number.NaN : await readDatabaseCpuSeconds(dataDir),
  })
  const before = await read()
  const { seconds, medianMs, slowestMs } = await load.run(order)
  const after = await read()
  const msEach = (cpuSeconds: number) => (Number.isNaN(cpuSeconds) ? undefined : (cpuSeconds * 1000) / order.count)
  return {
    perSecond: order.count / seconds,
    medianMs,
    slowestMs,
    cpuMs: msEach(after.own - before.own),
    databaseCpuMs: msEach(after.database - before.database),
  }
}

/** One way to do the same work. */
export type Contender = {
  name: string
  pid?: number
  /** The folder of its embedded database. */
  dataDir?: string | undefined
  request(atOnce: number, count: number): LoadRequest
  /** After each measurement. */
  cleanUp?: () => Promise<void>
}

/**
 * Measures every contender once a round, each round with another one first, so that a drift of the machine affects all.
 * Returns the rounds of each contender, in the order of `contenders`.
 */
export async function measureInTurns(
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
      results[turn]?.push(await measure(load, contender.request(atOnce, count), contender))
      await contender.cleanUp?.()
    }
  }
  return results
}

export type Spread = { median: number; min: number; max: number }

export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const [least = Number.NaN] = sorted
  return { median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, min: least, max: sorted.at(-1) ?? Number.NaN }
}

/** The time of `ours` divided by that of `theirs`, round by round. */
export function timesAsLong(ours: Measured[], theirs: Measured[]): Spread {
  return spreadOf(ours.map(({ perSecond }, round) => (theirs[round]?.perSecond ?? Number.NaN) / perSecond))
}

/** The processor time of `ours` divided by that of `theirs`, round by round. */
export function timesTheCpu(ours: Measured[], theirs: Measured[]): Spread {
  return spreadOf(ours.map(({ cpuMs = Number.NaN }, round) => cpuMs / (theirs[round]?.cpuMs ?? Number.NaN)))
}

/** The rate of `ours` as a share of that of `theirs`, round by round. */
export function shareOfRate(ours: Measured[], theirs: Measured[]): Spread {
  return spreadOf(ours.map(({ perSecond }, round) => perSecond / (theirs[round]?.perSecond ?? Number.NaN)))
}

/** The service against the bare pipe. */
export type AgainstPipe = {
  atOnce: number
  /** Requests a second. */
  service: number
  barePipe: number
  shareOfPipe: Spread
  serviceMedianMs: number
  barePipeMedianMs: number
  serviceCpuMs: Spread
  databaseCpuMs: Spread
  barePipeCpuMs: Spread
  cpuTimesPipe: Spread
}

export function againstPipe(atOnce: number, service: Measured[], pipe: Measured[]): AgainstPipe {
  const median = (values: (number | undefined)[]) => spreadOf(values.map((value = Number.NaN) => value)).median
  return {
    atOnce,
    service: median(service.map(({ perSecond }) => perSecond)),
    barePipe: median(pipe.map(({ perSecond }) => perSecond)),
    shareOfPipe: shareOfRate(service, pipe),
    serviceMedianMs: median(service.map(({ medianMs }) => medianMs)),
    barePipeMedianMs: median(pipe.map(({ medianMs }) => medianMs)),
    serviceCpuMs: spreadOf(service.map(({ cpuMs = Number.NaN }) => cpuMs)),
    databaseCpuMs: spreadOf(service.map(({ databaseCpuMs = Number.NaN }) => databaseCpuMs)),
    barePipeCpuMs: spreadOf(pipe.map(({ cpuMs = Number.NaN }) => cpuMs)),
    cpuTimesPipe: timesTheCpu(service, pipe),
  }
}
