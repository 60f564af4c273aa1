import { randomInt } from 'node:crypto'

import * as fc from 'fast-check'
import { z } from 'zod'

import { removeStored } from '../../model/compare/list-stored.ts'
import { type FuzzScene, newScene } from './fuzz-scene.ts'
import type { Fuzzed, FuzzWorld, Place } from './fuzz-world.ts'
import { hearUncaught } from './catch-uncaught.ts'
import type { Answer } from './http-answers.ts'
import { assertEmpty, listStoredVersions } from './nothing-left.ts'

/** One try, and its allowed answers. Throws a description of a forbidden result. */
export type Try = {
  words(): string
  run(scene: FuzzScene): Promise<Answer[]>
  /** No answer arrived: the result may be stored or not. */
  isUnheard?: boolean
}

/** Tries that run at once in one scene. */
export type Batch = { place: Place; tries: Try[] }

export type Options = {
  name: string
  /** The approximate number of tries. */
  runs: number
  seed?: number | undefined
  /** As printed by a failure: leads directly to that batch. */
  path?: string | undefined
}

export type Outcome = { tries: number; answers: Record<string, number>; failure: string | undefined }

/** All batches are generated before the first one runs. The next ones have the next seed. */
const batchesOfOneSeed = 10
/** The result is short enough by then. */
const maxMsOfShrinking = 60_000

/**
 * Runs batches until there were this many tries. A failing batch is shrunk and printed with the command that repeats
 * it.
 */
export async function runBatches(world: FuzzWorld, batches: fc.Arbitrary<Batch>, wish: Options): Promise<Outcome> {
  const seed = wish.seed ?? randomInt(1_000_000_000)
  const done: Outcome = { tries: 0, answers: {}, failure: undefined }
  let shrinkUntil = Infinity
  using uncaught = hearUncaught()
  const isEnough = () => done.tries >= wish.runs && wish.path === undefined && done.failure === undefined
  const property = fc.asyncProperty(batches.map(named), async (batch) => {
    if (isEnough() || Date.now() > shrinkUntil) return
    try {
      await runBatch(world[batch.place], batch, done)
      uncaught.assertNone()
    } catch (error) {
      if (done.failure === undefined) shrinkUntil = Date.now() + maxMsOfShrinking
      done.failure = String(error)
      throw error
    }
  })
  for (let next = seed; next === seed || !isEnough(); next += 1) {
    const details = await fc.check(property, {
      seed: next,
      numRuns: batchesOfOneSeed,
      ...(wish.path !== undefined && { path: wish.path }),
    })
    if (details.failed) return { ...done, failure: describe(details, wish) }
    if (wish.path !== undefined) break
  }
  for (const service of [world.s3, world.local]) await assertEmpty(service)
  return done
}

/** The same for targets without a service. */
export async function runPlain<Value>(property: fc.IAsyncProperty<Value>, wish: Options): Promise<Outcome> {
  const { runs, seed = randomInt(1_000_000_000), path } = wish
  const details = await fc.check(property, { seed, numRuns: runs, ...(path !== undefined && { path }) })
  return { tries: details.numRuns, answers: {}, failure: details.failed ? describe(details, wish) : undefined }
}

/** fast-check prints the failure. */
function named(batch: Batch): Batch {
  const words = () => `on ${batch.place}:\n${batch.tries.map((each) => `  ${each.words()}`).join('\n')}`
  return Object.assign(batch, { [fc.toStringMethod]: words })
}

async function runBatch(service: Fuzzed, { tries }: Batch, done: Outcome): Promise<void> {
  const scene = await newScene(service)
  service.logLines.length = 0
  try {
    const before = await listStoredVersions(service, scene.firm)
    const answers = await Promise.all(tries.map((each) => runTry(each, scene)))
    done.tries += tries.length
    for (const { status } of answers.flat()) done.answers[status] = (done.answers[status] ?? 0) + 1
    const promised = answers.flat().flatMap(promisedBy)
    compare(await listStoredVersions(service, scene.firm), new Set([...before, ...promised]), tries)
    assertNothingLogged(service)
  } finally {
    await removeStored(service, scene.firm)
    await forgetTypes(service)
  }
}

async function runTry(each: Try, scene: FuzzScene): Promise<Answer[]> {
  try {
    return await each.run(scene)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${why}\n  ← ${each.words()}`, { cause: error })
  }
}

const keptDocument = z.object({ id: z.guid(), version: z.int(), sha256: z.string() })

/** The version that a 201 returned. */
function promisedBy({ status, body }: Answer): string[] {
  if (status !== 201) return []
  const { success, data } = keptDocument.safeParse(JSON.parse(body.toString()))
  return success ? [`${data.id} ${data.version}`] : []
}

function compare(kept: string[], promised: Set<string>, tries: Try[]): void {
  const lost = [...promised].filter((version) => !kept.includes(version))
  if (lost.length > 0) throw new Error(`answered 201 and not kept: ${lost.join(', ')}`)
  const unheard = tries.filter(({ isUnheard }) => isUnheard === true).length
  const more = kept.filter((version) => !promised.has(version))
  if (more.length > unheard) throw new Error(`kept without an answer: ${more.join(', ')}`)
}

/** An error needs an operator's attention. No input may cause one. */
function assertNothingLogged({ logLines }: Fuzzed): void {
  const errors = logLines.filter((line) => /"level":"(error|fatal)"/.test(line))
  if (errors.length > 0) throw new Error(`logged: ${errors.join('\n').slice(0, 3000)}`)
}

/** Administrators change document types for everybody, also for the next scene. */
async function forgetTypes({ app, documentTypes }: Fuzzed): Promise<void> {
  await app.db.deleteFrom('document_types').where('code', 'not in', documentTypes).execute()
  await app.db
    .updateTable('document_types')
    .set({ is_active: true, max_bytes: null, allowed_types: null, confidential: false })
    .execute()
}

type Details = {
  seed: number
  counterexamplePath: string | null
  counterexample: unknown
  numShrinks: number
  errorInstance?: unknown
}

function describe(details: Details, { name }: Options): string {
  const { seed, counterexamplePath, counterexample, numShrinks, errorInstance } = details
  return [
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    `shrunk ${numShrinks} times to ${fc.stringify(counterexample).slice(0, 6000)}`,
    `Again: npm run fuzz -- --only ${name} --seed ${seed} --path '${counterexamplePath ?? ''}'`,
  ].join('\n')
}
