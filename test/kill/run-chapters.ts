import { obtainServices } from '../support/services/obtain-services.ts'
import { killLoop, type KillReport, type KillOptions } from './kill-loop.ts'

/** Cycles that share one installation. The gateway stores everything in 4 GiB of memory, and a PUT hangs when
 * they are full: with two instances after some 90 cycles, with slow machines after 45. */
const cyclesOfChapter = 25

export type ChaptersOptions = Omit<KillOptions, 'addresses'> & { firstCycle: number }

/**
 * Any number of cycles. After every 25, everything is compared, collected and ended, and the next ones begin with new
 * services, buckets and databases.
 */
export async function runChapters(wish: ChaptersOptions, environment: NodeJS.ProcessEnv): Promise<KillReport> {
  let report: KillReport | undefined
  const end = wish.firstCycle + wish.cycles
  for (let firstCycle = wish.firstCycle; firstCycle < end; firstCycle += cyclesOfChapter) {
    const cycles = Math.min(cyclesOfChapter, end - firstCycle)
    const chapter = await runChapter({ ...wish, firstCycle, cycles }, environment)
    report = report === undefined ? chapter : addUp(report, chapter)
    if (report.differences.length > 0) break
  }
  if (report === undefined) throw new Error('There was no cycle to run.')
  return report
}

async function runChapter(wish: ChaptersOptions, environment: NodeJS.ProcessEnv): Promise<KillReport> {
  const { addresses, stop } = await obtainServices(['s3', 'durablePostgres'], environment)
  try {
    const { s3, durablePostgres: postgres } = addresses
    // Every other installation has a versioned bucket.
    const isVersioned = Math.floor((wish.firstCycle - 1) / cyclesOfChapter) % 2 === 1
    return await killLoop({ isVersioned, ...wish, addresses: { s3, postgres } })
  } finally {
    await stop()
  }
}

const counted = [
  'cycles',
  'documents',
  'leftToTheRule',
  'resumedMoves',
  'answered',
  'finishedInPieces',
  'unknown',
  'notSent',
  'kills',
  'troubles',
  'downloads',
  'garbageSeen',
  'garbageCollected',
] as const satisfies (keyof KillReport)[]

function addUp(before: KillReport, chapter: KillReport): KillReport {
  const sum = { ...chapter, failures: { ...before.failures } }
  for (const name of counted) sum[name] += before[name]
  for (const [name, count] of Object.entries(chapter.failures)) sum.failures[name] = (sum.failures[name] ?? 0) + count
  return sum
}
