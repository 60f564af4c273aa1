import { randomInt } from 'node:crypto'

import * as fc from 'fast-check'

import { listVerb, lookVerb } from './verbs/browse.ts'
import { collectVerb, drainVerb, migrateVerb } from './verbs/commands.ts'
import { platformVerb } from './compare/compare-platform.ts'
import { compareAll } from './compare/compare.ts'
import { downloadVerb } from './verbs/download.ts'
import { killVerb, meanwhileVerb, s3Verb, settledVerb, startVerb } from './faults/faults.ts'
import { lockedFirmVerb } from './faults/locked-firm.ts'
import { forgetHistory } from './compare/forget-history.ts'
import { uploadVerb, infectedVerb } from './verbs/upload.ts'
import { newModel } from './state/model.ts'
import { purgeVerb } from './verbs/purge.ts'
import { readMarkedLines } from './state/request-marks.ts'
import { strangerVerb, unsoundVerb } from './verbs/rejected.ts'
import { beginVerb } from './resumable/begin.ts'
import { finishVerb, lostRightVerb, terminateVerb, viewVerb } from './resumable/ends.ts'
import { quotaVerb } from './resumable/quota.ts'
import { sendVerb } from './resumable/send.ts'
import { reviewVerb } from './verbs/review.ts'
import { scannerVerb } from './faults/scanner-faults.ts'
import { scanVerb, signatureVerb } from './verbs/scans.ts'
import { deleteVerb, restoreVerb } from './verbs/trash.ts'
import type { Real, Verb } from './state/verb.ts'
import { verifyVerb } from './verbs/verify.ts'
import { addVersionVerb, restoreVersionVerb, versionsVerb } from './verbs/versions.ts'
import type { World } from './state/world.ts'

/** All verbs with their weights. A new verb is a file and a line here. */
const verbs: fc.Arbitrary<Verb> = fc.oneof(
  { weight: 30, arbitrary: uploadVerb },
  { weight: 12, arbitrary: listVerb },
  { weight: 6, arbitrary: lookVerb },
  { weight: 12, arbitrary: downloadVerb },
  { weight: 6, arbitrary: unsoundVerb },
  { weight: 5, arbitrary: strangerVerb },
  { weight: 9, arbitrary: s3Verb },
  { weight: 8, arbitrary: settledVerb },
  { weight: 6, arbitrary: meanwhileVerb },
  { weight: 2, arbitrary: lockedFirmVerb },
  { weight: 1, arbitrary: killVerb },
  { weight: 12, arbitrary: startVerb },
  { weight: 3, arbitrary: migrateVerb },
  { weight: 1, arbitrary: drainVerb },
  { weight: 1, arbitrary: verifyVerb },
  { weight: 2, arbitrary: collectVerb },
  { weight: 12, arbitrary: addVersionVerb },
  { weight: 6, arbitrary: restoreVersionVerb },
  { weight: 4, arbitrary: versionsVerb },
  { weight: 6, arbitrary: deleteVerb },
  { weight: 4, arbitrary: restoreVerb },
  { weight: 8, arbitrary: reviewVerb },
  { weight: 3, arbitrary: purgeVerb },
  { weight: 3, arbitrary: platformVerb },
  { weight: 7, arbitrary: scannerVerb },
  { weight: 5, arbitrary: infectedVerb },
  { weight: 5, arbitrary: scanVerb },
  { weight: 2, arbitrary: signatureVerb },
  { weight: 10, arbitrary: beginVerb },
  { weight: 16, arbitrary: sendVerb },
  { weight: 4, arbitrary: viewVerb },
  { weight: 3, arbitrary: terminateVerb },
  { weight: 2, arbitrary: finishVerb },
  { weight: 3, arbitrary: lostRightVerb },
  { weight: 2, arbitrary: quotaVerb },
)

/** A replay must generate the same commands as the first run, so this must not change between runs. */
const maxCommands = 160

export type Run = {
  operations: number
  seed?: number | undefined
  /** As printed by a failure: leads directly to that history. */
  path?: string | undefined
  mostMs?: number | undefined
  /** Aborts: no new history begins. */
  signal?: AbortSignal
  onHistory?: (done: Progress) => void
}

/** `failure`: the difference in the history that just ended. */
type Progress = { histories: number; operations: number; failure?: string | undefined }

export type RunResult = { seed: number; histories: number; operations: number; failure: string | undefined }

/** The number of histories of one seed. The next ones have the next seed. */
const batch = 20
/** Shrinking ends after this time. The result is short enough by then. */
const maxMsOfShrinking = 180_000

/**
 * Runs random histories against the world until this number of operations. A failure is shrunk and described in words.
 */
export async function runModel(world: World, run: Run): Promise<RunResult> {
  const firstSeed = run.seed ?? randomInt(1_000_000_000)
  const [path, replayPath] = run.path?.split('@') ?? []
  const endsAt = Date.now() + (run.mostMs ?? Infinity)
  const state: State = { histories: 0, operations: 0, failed: undefined }
  const isEnough = () =>
    state.operations >= run.operations || Date.now() > endsAt || path !== undefined || run.signal?.aborted === true

  for (let seed = firstSeed; seed === firstSeed || !isEnough(); seed += 1) {
    const history = fc.asyncProperty(
      fc.commands([verbs], { maxCommands, size: 'max', ...(replayPath && { replayPath }) }),
      async (commands) => {
        const isOver = state.failed === undefined ? isEnough() && path === undefined : state.failed.endsAt < Date.now()
        if (!isOver) await runHistory(world, commands, state, run)
      },
    )
    const details = await fc.check(history, {
      numRuns: batch,
      seed,
      unbiased: true,
      ...(path !== undefined && { path }),
    })
    if (details.failed) return { seed: firstSeed, ...state, failure: describeFailure(details, state.failed) }
  }
  return { seed: firstSeed, ...state, failure: undefined }
}

/** `after`: the number of operations until the failure. */
type Failed = { story: string[]; what: string; after: number; endsAt: number }
type State = { histories: number; operations: number; failed: Failed | undefined }

async function runHistory(world: World, commands: Iterable<Verb>, state: State, { onHistory }: Run): Promise<void> {
  const real: Real = {
    world,
    ...(await world.newFirms()),
    story: [],
    mark: '',
    links: new Map(),
    resumableBlobs: new Set(),
  }
  const model = newModel(world.scanner === undefined ? 'none' : 'up')
  let failure: string | undefined
  try {
    await fc.asyncModelRun(() => ({ model, real }), commands)
    await compareAll(model, real)
  } catch (error) {
    const what = whyOf(error)
    failure = [what, ...(await readMarkedLines(real))].join('\n    ')
    const { after, endsAt } = state.failed ?? {
      after: state.operations + real.story.length,
      endsAt: Date.now() + maxMsOfShrinking,
    }
    state.failed = { story: real.story, what: failure, after, endsAt }
    throw error
  } finally {
    state.histories += 1
    state.operations += real.story.length
    onHistory?.({ ...state, failure })
    await forgetHistory(real, failure !== undefined)
  }
}

/** With its causes: `fetch failed` alone is not helpful. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${whyOf(error.cause)}`
}

type Details = {
  seed: number
  counterexamplePath: string | null
  counterexample: unknown
  numShrinks: number
  errorInstance?: unknown
}

function describeFailure(details: Details, failed: Failed | undefined): string {
  if (failed === undefined) return `no history could be run: ${String(details.errorInstance)}`
  const replayPath = /replayPath="([^"]*)"/.exec(String(details.counterexample))?.[1] ?? ''
  return [
    `The service and the model differ, found after ${failed.after} operations, shrunk ${details.numShrinks} times:`,
    ...failed.story.map((line) => `  ${line};`),
    `  ✗ ${failed.what}`,
    `Again: npm run model -- --seed ${details.seed} --path '${details.counterexamplePath ?? ''}@${replayPath}'`,
  ].join('\n')
}
