import * as fc from 'fast-check'

import { listVerb, lookVerb } from './browse.ts'
import { drainVerb, migrateVerb } from './commands.ts'
import { compareAll } from './compare.ts'
import { downloadVerb } from './download.ts'
import { killVerb, meanwhileVerb, s3Verb, settledVerb, startVerb } from './faults.ts'
import { forgetHistory } from './forget-history.ts'
import { handInVerb } from './hand-in.ts'
import { newModel } from './model.ts'
import { strangerVerb, unsoundVerb } from './refused.ts'
import type { Real, Verb } from './verb.ts'
import type { World } from './world.ts'

/** What can happen, and how often each beside the others. A new verb is a file and a line here. */
const verbs: fc.Arbitrary<Verb> = fc.oneof(
  { weight: 30, arbitrary: handInVerb },
  { weight: 12, arbitrary: listVerb },
  { weight: 6, arbitrary: lookVerb },
  { weight: 12, arbitrary: downloadVerb },
  { weight: 6, arbitrary: unsoundVerb },
  { weight: 5, arbitrary: strangerVerb },
  { weight: 9, arbitrary: s3Verb },
  { weight: 2, arbitrary: settledVerb },
  { weight: 6, arbitrary: meanwhileVerb },
  { weight: 1, arbitrary: killVerb },
  { weight: 12, arbitrary: startVerb },
  { weight: 3, arbitrary: migrateVerb },
  { weight: 1, arbitrary: drainVerb },
)

/** A replay must make its commands as the first run did, so this is not for changing from run to run. */
const maxCommands = 40

export type Run = {
  operations: number
  seed?: number | undefined
  /** As a failure prints it: leads straight to that history. */
  path?: string | undefined
  mostMs?: number | undefined
  onHistory?: (done: Progress) => void
}

/** `failure`: what differed in the history that just ended. */
type Progress = { histories: number; operations: number; failure?: string | undefined }

export type RunResult = { seed: number; histories: number; operations: number; failure: string | undefined }

/** Runs random histories against the world until so many operations were done; a failure is shrunk and told in words. */
export async function runModel(world: World, run: Run): Promise<RunResult> {
  const [path, replayPath] = run.path?.split('@') ?? []
  const done = { histories: 0, operations: 0 }
  let failed: { story: string[]; what: string } | undefined

  const history = fc.asyncProperty(
    fc.commands([verbs], { maxCommands, size: 'max', ...(replayPath && { replayPath }) }),
    async (commands) => {
      // After a failure the histories are shrunk ones, of which none is too many.
      if (done.operations >= run.operations && failed === undefined) return
      const real: Real = { world, ...(await world.newFirms()), story: [] }
      const model = newModel()
      let failure: string | undefined
      try {
        await fc.asyncModelRun(() => ({ model, real }), commands)
        await compareAll(model, real)
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error)
        failed = { story: real.story, what: failure }
        throw error
      } finally {
        done.histories += 1
        done.operations += real.story.length
        run.onHistory?.({ ...done, failure })
        await forgetHistory(real)
      }
    },
  )

  const details = await fc.check(history, {
    // More than enough: each history has an operation or costs nothing.
    numRuns: Math.max(run.operations, 1) * 2,
    ...(run.seed !== undefined && { seed: run.seed }),
    ...(path !== undefined && { path }),
    ...(run.mostMs !== undefined && { interruptAfterTimeLimit: run.mostMs }),
  })
  const failure = details.failed && describeFailure(details, failed)
  return { seed: details.seed, ...done, failure: failure === false ? undefined : failure }
}

type Details = {
  seed: number
  counterexamplePath: string | null
  counterexample: unknown
  numShrinks: number
  errorInstance?: unknown
}

function describeFailure(details: Details, failed: { story: string[]; what: string } | undefined): string {
  const replayPath = /replayPath="([^"]*)"/.exec(String(details.counterexample))?.[1] ?? ''
  const replay = `npm run model -- --seed ${details.seed} --path '${details.counterexamplePath ?? ''}@${replayPath}'`
  if (failed === undefined) return `no history could be run: ${String(details.errorInstance)}`
  return [
    `The service and the model differ (shrunk ${details.numShrinks} times):`,
    ...failed.story.map((line) => `  ${line};`),
    `  ✗ ${failed.what}`,
    `Again: ${replay}`,
  ].join('\n')
}
