import { setTimeout as wait } from 'node:timers/promises'

import { AppError } from '../../errors/app-error.ts'
import { explainS3Failure, type Explanation } from '../s3/diagnosis/explain-s3-failure.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { isUnknownCall, s3FailureOf, type S3Trouble } from '../s3/requests/s3-errors.ts'
import {
  type BucketReach,
  CallFailed,
  calling,
  type Change,
  compareItems,
  type Items,
  NotProved,
  NotTakenBack,
  type Objection,
  type PartDefinition,
  proveBucket,
  putPart,
  Refused,
} from './bucket-part.ts'
import { type BucketChoices, type PartName, setupRights } from './bucket-rules.ts'

/**
 * `not_asked`: nothing is wanted, and nothing is there. `lacking`: the store has no such thing, and nobody asked for just
 * that. `would_change`: of a dry run.
 */
export type PartOutcome = 'unchanged' | 'changed' | 'would_change' | 'not_asked' | 'lacking' | 'failed'

export type PartResult = {
  part: PartName
  title: string
  outcome: PartOutcome
  changes: Change[]
  /** What went wrong, or how it is otherwise than asked. */
  says?: string
  advice?: string
  objections: Objection[]
}

export type SettleNeeds = {
  reach: BucketReach
  choices: BucketChoices
  isDryRun: boolean
  pauseMs: number
  /** Before the first change: what fails then is no part's fault. */
  proveBefore: () => Promise<void>
}

type Settled = Pick<PartResult, 'outcome' | 'changes' | 'says' | 'advice'>
type Step<Held> = { held: Held | undefined; wanted: Items }

/** Reads, compares, sets and reads back one part, and proves the bucket. Throws where no other part could go better. */
export async function settlePart<Held>(definition: PartDefinition<Held>, needs: SettleNeeds): Promise<PartResult> {
  const { part, title } = definition
  let objections: Objection[] = []
  try {
    const held = await read(definition, needs.reach)
    const wanted = definition.wanted({ choices: needs.choices, held, reach: needs.reach })
    objections = definition.objections?.(held, wanted) ?? []
    await definition.requireBeside?.(needs.reach, needs.choices, wanted)
    return { part, title, objections, ...(await settle(definition, needs, { held, wanted })) }
  } catch (error) {
    return { part, title, objections, changes: [], ...explainFailed(definition, needs, error) }
  }
}

async function settle<Held>(definition: PartDefinition<Held>, needs: SettleNeeds, step: Step<Held>): Promise<Settled> {
  const changes = compareItems(definition.ours(step.held), step.wanted)
  if (changes.length === 0) return { outcome: isNothing(step.wanted) ? 'not_asked' : 'unchanged', changes }
  return needs.isDryRun ? { outcome: 'would_change', changes } : await set(definition, needs, step)
}

async function set<Held>(definition: PartDefinition<Held>, needs: SettleNeeds, step: Step<Held>): Promise<Settled> {
  await needs.proveBefore()
  await definition.rehearse?.(needs.reach, step.wanted, step.held)
  const weaker = await putStrongest(definition, needs, step)
  const wanted = weaker?.wanted ?? step.wanted
  const left = await readBack(definition, needs, wanted)
  if (left.length > 0) return { outcome: 'failed', changes: [], ...keptOtherwise(left) }
  const says = weaker?.says ?? definition.remindOf?.(needs.choices)
  return { ...setTo(compareItems(definition.ours(step.held), wanted)), ...(says === undefined ? {} : { says }) }
}

/** What the weaker form has may have been there before. */
function setTo(changes: Change[]): Settled {
  return { outcome: changes.length === 0 ? 'unchanged' : 'changed', changes }
}

function isNothing(wanted: Items): boolean {
  return Object.keys(wanted).length === 0
}

/** What was put instead, where the bucket refused papers with what is wanted. */
async function putStrongest<Held>(definition: PartDefinition<Held>, { reach }: SettleNeeds, step: Step<Held>) {
  try {
    await putAndProve(definition, reach, step)
    return undefined
  } catch (error) {
    const weaker = error instanceof NotProved ? definition.weaker?.(step.wanted) : undefined
    if (weaker === undefined) throw error
    await putAndProve(definition, reach, { ...step, wanted: weaker.wanted })
    return weaker
  }
}

/** What makes the bucket refuse papers is taken back before anybody is told. */
async function putAndProve<Held>(
  definition: PartDefinition<Held>,
  reach: BucketReach,
  { held, wanted }: Step<Held>,
): Promise<void> {
  await putPart(definition, reach, definition.merge(held, wanted))
  try {
    await proveBucket(reach)
  } catch (error) {
    await putPart(definition, reach, held, NotTakenBack)
    throw error
  }
}

function read<Held>(definition: PartDefinition<Held>, reach: BucketReach): Promise<Held | undefined> {
  return calling(setupRights[definition.part].read, () => definition.read(reach))
}

const readings = 4

/** What is otherwise than it was set. Amazon may give out what was there before for some seconds. */
async function readBack<Held>(
  definition: PartDefinition<Held>,
  { reach, pauseMs }: SettleNeeds,
  wanted: Items,
): Promise<Change[]> {
  for (let reading = 1; ; reading += 1) {
    const left = compareItems(definition.ours(await read(definition, reach)), wanted)
    if (left.length === 0 || reading === readings) return left
    await wait(pauseMs * reading)
  }
}

function keptOtherwise(left: Change[]): Pick<Settled, 'says' | 'advice'> {
  const named = left.map(({ item, from }) => `${item} is ${from === undefined ? 'not there' : JSON.stringify(from)}`)
  return {
    says: `The store took it and has it otherwise: ${named.join('; ')}`,
    advice: 'If somebody else changes the bucket just now, run this again; else the store cannot have it.',
  }
}

function explainFailed<Held>(
  { part, isAskedFor }: PartDefinition<Held>,
  { reach, choices }: SettleNeeds,
  error: unknown,
): Pick<Settled, 'outcome' | 'says' | 'advice'> {
  if (error instanceof Refused) return { outcome: 'failed', says: error.message }
  if (!(error instanceof NotTakenBack)) rethrowHopeless(reach, error)
  const isSpared = isLacking(reach, error) && !isAskedFor(choices)
  return { outcome: isSpared ? 'lacking' : 'failed', ...explainPart(reach, part, error) }
}

const hopeless = new Set<S3Trouble | undefined>([
  'no_answer',
  'no_credentials',
  'refused_credentials',
  'no_bucket',
  'wrong_place',
  'clock_off',
  'not_s3',
])

/** Throws where the next part would fail in the same way, with what to do. */
function rethrowHopeless(reach: BucketReach, error: unknown): void {
  // Told to end, or found out already.
  if (reach.signal.aborted || error instanceof AppError) throw error
  const cause = causeOf(error)
  const { trouble, s3Code } = s3FailureOf(cause)
  if (!hopeless.has(trouble)) return
  const { says, advice } = explainS3Failure(cause, { ...reach, right: rightOf(error, 'versioning') })
  const more = s3Code === 'NoSuchBucket' ? ' `./bin/paniq-docs s3 test` makes it, with credentials that may.' : ''
  throw new AppError('store_unavailable', `${says}. ${advice}${more}`, { cause: error })
}

/** Before anything was changed: what is set could not be proved to be in nobody’s way. */
export function notProvedBefore(reach: BucketReach, error: NotProved): AppError {
  rethrowHopeless(reach, error)
  const { says, advice } = explainS3Failure(error.cause, { ...reach, right: error.right })
  return new AppError(
    'store_unavailable',
    `Nothing was changed: each change is proved by an object that is put, read and removed, and that cannot be done now. ${says}. ${advice}`,
    { cause: error },
  )
}

/** Whether the store has no such thing, or has it in a way in which nothing else goes: only Amazon’s is known to have all. */
export function isLacking({ config }: BucketReach, error: unknown): boolean {
  if (error instanceof NotTakenBack) return false
  return isUnknownCall(causeOf(error)) || (error instanceof NotProved && !isAmazon(config))
}

function explainPart(reach: BucketReach, part: PartName, error: unknown): Explanation {
  if (error instanceof NotProved) return explainNotProved(reach, error)
  if (error instanceof NotTakenBack) return explainNotTakenBack(reach, error)
  if (isLacking(reach, error))
    return { says: 'This store has no such thing', advice: 'The rest of the bucket is set up without it.' }
  return explainS3Failure(causeOf(error), { ...reach, right: rightOf(error, part) })
}

function explainNotProved(reach: BucketReach, error: NotProved): Explanation {
  const { says } = explainS3Failure(error.cause, { ...reach, right: error.right })
  return {
    says: `With it the bucket does not take what the service sends (${says}), so it was left as it is`,
    advice: isAmazon(reach.config)
      ? 'See what stands in the way, such as a right on the key, and run this again.'
      : 'The store says that it can have it, and does not do as Amazon’s does.',
  }
}

function explainNotTakenBack(reach: BucketReach, error: NotTakenBack): Explanation {
  const { says } = explainS3Failure(error.cause, { ...reach, right: error.right })
  return {
    says: `It was put to see whether papers still go in, and could not be taken back (${says})`,
    advice: 'Put it back by hand as it was; ./bin/paniq-docs s3 test tells whether the bucket takes papers.',
  }
}

function rightOf(error: unknown, part: PartName): string {
  return error instanceof CallFailed ? error.right : setupRights[part].write
}

function causeOf(error: unknown): unknown {
  return error instanceof CallFailed ? error.cause : error
}
