import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'

import { downloadWhile } from '../verbs/download.ts'
import { type Fault, faultVerb } from './fault.ts'
import { type Allowed, upload, noteOutcomes, type SoundFile, soundFiles, together } from '../verbs/upload.ts'
import type { Model } from '../state/model.ts'
import { bothStores } from '../notes/note-stores.ts'
import { scannerDown, scannerUp } from './scanner-faults.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

const s3Down: Fault = {
  words: 'S3 goes down',
  canHappen: ({ s3 }) => s3 !== 'down',
  async happen(model, { world }) {
    await world.setS3('down')
    model.s3 = 'down'
  },
}
const s3Slow: Fault = {
  words: 'S3 gets slow',
  canHappen: ({ s3 }) => s3 !== 'slow',
  async happen(model, { world }) {
    await world.setS3('slow')
    model.s3 = 'slow'
  },
}
const s3Up: Fault = {
  words: 'S3 is back',
  canHappen: ({ s3 }) => s3 !== 'up' && s3 !== 'returning',
  async happen(model, { world }) {
    await world.setS3('up')
    model.s3 = 'returning'
  },
}
const s3Cutting = (afterBytes: number): Fault => ({
  words: afterBytes === 0 ? 'S3’s answers are cut off' : `requests to S3 are cut off after ${afterBytes} bytes`,
  canHappen: () => true,
  async happen(model, { world }) {
    await world.setS3('cutting', afterBytes)
    model.s3 = 'cutting'
  },
})
const killed: Fault = {
  words: 'the service is killed',
  canHappen: ({ isServing }) => isServing,
  async happen(model, { world }) {
    await world.service.kill()
    model.isServing = false
  },
}
const started: Fault = {
  words: 'the service is started',
  canHappen: ({ isServing }) => !isServing,
  async happen(model, { world }) {
    await world.service.start()
    model.isServing = true
    // A new process has no record of earlier S3 failures.
    if (model.s3 === 'returning') model.s3 = 'up'
  },
}

const cutting = fc.constantFrom(0, 1, 500, 20_000).map(s3Cutting)

export const s3Verb: fc.Arbitrary<Verb> = fc
  .oneof(
    { weight: 2, arbitrary: fc.constant(s3Down) },
    { weight: 5, arbitrary: fc.constant(s3Up) },
    { weight: 1, arbitrary: fc.constant(s3Slow) },
    { weight: 2, arbitrary: cutting },
  )
  .map(faultVerb)

/** More starts than kills, because most other verbs make no sense while the service is down. */
export const killVerb: fc.Arbitrary<Verb> = fc.constant(killed).map(faultVerb)
export const startVerb: fc.Arbitrary<Verb> = fc.constant(started).map(faultVerb)

/** Gives the service the time that it needs to detect that S3 is back. */
export const settledVerb: fc.Arbitrary<Verb> = fc.constant(undefined).map(() =>
  verb({
    words: 'S3 is back and is seen, while people download',
    canRun: ({ s3, isServing }) => isServing && s3 === 'returning',
    async run(model, real) {
      const seeing = real.world.untilUploadsGoToS3()
      // The fallback files begin to move.
      await Promise.all([seeing, downloadWhile(seeing, model, real)])
      model.s3 = 'up'
      return 'new files go there'
    },
  }),
)

export const inTheMiddle = fc.oneof(fc.constantFrom(s3Down, s3Up, killed, scannerDown, scannerUp), cutting)

/** Injects a fault during uploads. */
export const meanwhileVerb: fc.Arbitrary<Verb> = fc
  .record({ files: soundFiles, fault: inTheMiddle, afterMs: fc.nat({ max: 60 }) })
  .map(({ files, fault, afterMs }) =>
    verb({
      words: `${together(files)}; ${afterMs} ms later ${fault.words}`,
      canRun: (model) => model.isServing && fault.canHappen(model),
      run: async (model, real) => uploadWhile(model, real, { files, fault, afterMs }),
    }),
  )

async function uploadWhile(
  model: Model,
  real: Real,
  { files, fault, afterMs }: { files: SoundFile[]; fault: Fault; afterMs: number },
): Promise<string> {
  const moment = (model.moment += 1)
  const scannerBefore = model.scanner
  const handingIn = Promise.all(files.map((file) => upload(real, file, moment)))
  await sleep(afterMs)
  await fault.happen(model, real)
  const outcomes = await handingIn
  // Without S3 the file is stored locally. Only the end of the service leaves clients without an answer.
  const doubts: Allowed['doubts'] = model.isServing ? [] : ['lost']
  // A scanner that starts or stops during the upload may have scanned the file or not.
  const scanner = model.scanner === scannerBefore ? scannerBefore : 'cutting'
  const allowed: Allowed = { stores: bothStores, doubts, scanner }
  return noteOutcomes(model, outcomes, allowed)
}
