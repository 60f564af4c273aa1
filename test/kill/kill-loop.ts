import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ServiceAddresses } from '../support/services/packages/service-addresses.ts'
import { countTakeovers, watchBlobs } from '../support/blobs/watch-blobs.ts'
import { befall } from './cause-fault.ts'
import { checkAll, type Checked, checkCycle, type CheckNeeds } from './checks/check-cycle.ts'
import { collectGarbage, migrateAll, stopInstances, waitForDrain, waitForEnds } from './collect-garbage.ts'
import { openLedger } from './clients/ledger.ts'
import { makeSenders } from './clients/make-senders.ts'
import { openScene, type Scene } from './scene/open-scene.ts'
import { plantWrongBytes } from './scene/corrupt-bytes.ts'
import { planCycle } from './plan-cycle.ts'
import { randomOf } from './scene/random.ts'
import { purgeSome } from './purge-some.ts'
import { runClients } from './clients/run-clients.ts'
import { settleAll } from './scene/settle-all.ts'
import { type Counts, makeTally, type Tally } from './clients/tally.ts'

export type KillOptions = {
  addresses: ServiceAddresses
  cycles: number
  /** The number of the first cycle, which determines its schedule (1). */
  firstCycle?: number
  seed: string
  instances: number
  clients: number
  s3Outages: boolean
  migrations: boolean
  /** Whether the bucket is versioned. */
  isVersioned?: boolean
  signal: AbortSignal
  onCycle: (report: CycleReport) => void
}

export type CycleReport = { cycle: number; counts: Counts; documents: number; garbage: number }

export type KillReport = Counts & {
  seed: string
  /** Completed cycles. */
  cycles: number
  documents: number
  /** Unfinished uploads that only the bucket's own rule can end. */
  leftToTheRule: number
  /** Claims of dead processes that others took over. */
  resumedMoves: number
  failures: Record<string, number>
  /** The cycle in which it was found; the last cycle's number also for differences at the end. */
  differences: { cycle: number; what: string }[]
  /** The folder of the logs, if there are differences. */
  folder: string | undefined
}

type Run = CheckNeeds & {
  wish: KillOptions
  tally: Tally
  differences: KillReport['differences']
  giveUp: AbortController
}

/**
 * Kills the service repeatedly while people work with it, and compares its contents with its promises. Stops at the
 * first cycle with a difference.
 */
export async function killLoop(wish: KillOptions): Promise<KillReport> {
  const differences: KillReport['differences'] = []
  const giveUp = new AbortController()
  const first = wish.firstCycle ?? 1
  const at = { cycle: first - 1 }
  const reportDifference = (what: string) => void differences.push({ cycle: at.cycle, what })
  const scene = await openScene({
    ...wish,
    onEndByItself(why) {
      reportDifference(why)
      giveUp.abort(new Error(why))
    },
  })
  const signal = AbortSignal.any([wish.signal, giveUp.signal])
  const tally = makeTally()
  const run: Run = {
    wish,
    scene,
    tally,
    differences,
    giveUp,
    signal,
    ledger: openLedger(),
    senders: [],
    leftToTheRule: new Set(),
    writtenDown: new Set(),
  }
  let hasFailed = true
  try {
    await runAll(run, at, reportDifference).catch((error: unknown) => {
      // The difference is the reason. Without one it was an interruption or a defect of this program.
      if (!giveUp.signal.aborted) throw error
    })
    const report = await describeRun(run, at.cycle - first + 1)
    hasFailed = differences.length > 0
    return report
  } finally {
    await scene.close({ keep: hasFailed && !wish.signal.aborted })
  }
}

async function runAll(run: Run, at: { cycle: number }, reportDifference: (what: string) => void): Promise<void> {
  const { wish, scene, differences } = run
  await settleAll(scene.instances.map((instance) => instance.start()))
  run.signal.throwIfAborted()
  const url = scene.instances[0]?.url() ?? ''
  await watchBlobs(scene.query)
  run.senders.push(...(await makeSenders(url, { firms: 2, peopleOfEach: 2, secret: scene.secret })))
  const last = at.cycle + wish.cycles
  while (at.cycle < last && differences.length === 0) {
    run.signal.throwIfAborted()
    at.cycle += 1
    const checked = await runCycle(run, at.cycle, reportDifference)
    checked.differences.forEach(reportDifference)
    run.tally.sawGarbage(checked.garbage)
    run.tally.counts.downloads += checked.downloads
    wish.onCycle({
      cycle: at.cycle,
      counts: run.tally.counts,
      documents: run.ledger.answered().length,
      garbage: checked.garbage.length,
    })
  }
  if (differences.length === 0) await finish(run, reportDifference)
}

async function runCycle(run: Run, cycle: number, reportDifference: (what: string) => void): Promise<Checked> {
  const { wish, scene, signal } = run
  const random = randomOf(`${wish.seed} ${cycle}`)
  const ends = new AbortController()
  const clients = runClients(
    {
      ...run,
      urls: () => scene.instances.flatMap((instance) => (instance.isUp() ? (instance.url() ?? []) : [])),
      isS3Slow: () => scene.s3Way.isSlow,
      reportDifference,
    },
    { cycle, seed: wish.seed, clients: wish.clients, until: AbortSignal.any([ends.signal, signal]) },
  )
  await settleAll([clients, befall(run, planCycle(random, wish)).finally(() => ends.abort())])
  await plantWrongBytes(scene, random)
  return await checkCycle(run, cycle, random)
}

/** After the last kill: everything that was promised exists, and everything else is gone after the collection. */
async function finish(run: Run, reportDifference: (what: string) => void): Promise<void> {
  const { scene, tally, signal } = run
  const notPurged = await purgeSome(run, randomOf(`${run.wish.seed} purge`))
  notPurged.forEach(reportDifference)
  const waiting = await waitForDrain(scene, signal)
  waiting.forEach(reportDifference)
  const unfinished = await waitForEnds(scene, signal)
  unfinished.forEach(reportDifference)
  const left = run.wish.migrations ? await migrateAll(scene, signal) : []
  left.forEach(reportDifference)
  const checked = await checkAll(run)
  tally.counts.downloads += checked.downloads
  checked.differences.forEach(reportDifference)
  const ended = await stopInstances(scene)
  ended.forEach(reportDifference)
  const { collected, differences } = await collectGarbage(run)
  tally.sawGarbage(collected)
  tally.counts.garbageCollected = collected.length
  differences.forEach(reportDifference)
}

async function describeRun(run: Run, cycles: number): Promise<KillReport> {
  const { wish, scene, tally, ledger, differences } = run
  const hasFailed = differences.length > 0
  const report: KillReport = {
    seed: wish.seed,
    cycles,
    documents: ledger.answered().length,
    ...tally.counts,
    leftToTheRule: run.leftToTheRule.size,
    resumedMoves: await countTakeovers(scene.query),
    failures: Object.fromEntries(tally.failures),
    differences,
    folder: hasFailed ? scene.folder : undefined,
  }
  if (hasFailed) await saveEvidence(scene, report)
  return report
}

async function saveEvidence({ folder, client }: Scene, report: KillReport): Promise<void> {
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  for (const table of [
    'document_versions',
    'document_blobs',
    'document_uploads',
    'document_disposals',
    'watch.copies',
  ]) {
    const { rows } = await client.query(`select * from ${table}`)
    await writeFile(join(folder, `${table}.json`), `${JSON.stringify(rows, null, 2)}\n`)
  }
}
