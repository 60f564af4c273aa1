import { setTimeout as wait } from 'node:timers/promises'

import { AppError } from '../../errors/app-error.ts'
import { explainS3Failure, type Explanation } from '../s3/diagnosis/explain-s3-failure.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { isUnknownCall, s3FailureOf, type S3Trouble } from '../s3/requests/s3-errors.ts'
import {
  type BucketContext,
  CallFailed,
  withRight,
  type Change,
  compareItems,
  type Items,
  ProbeFailed,
  RollbackFailed,
  type Objection,
  type PartDefinition,
  probeBucket,
  putPart,
  CannotApply,
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
  message?: string
  advice?: string
  objections: Objection[]
}

export type ApplyNeeds = {
  context: BucketContext
  choices: BucketChoices
  isDryRun: boolean
  pauseMs: number
  /** Before the first change: what fails then is no part's fault. */
  proveBefore: () => Promise<void>
}

type Settled = Pick<PartResult, 'outcome' | 'changes' | 'message' | 'advice'>
type Step<Held> = { held: Held | undefined; wanted: Items }

/** Reads, compares, sets and reads back one part, and proves the bucket. Throws where no other part could go better. */
export async function applyPart<Held>(definition: PartDefinition<Held>, needs: ApplyNeeds): Promise<PartResult> {
  const { part, title } = definition
  let objections: Objection[] = []
  try {
    const held = await read(definition, needs.context)
    const wanted = definition.wanted({ choices: needs.choices, held, context: needs.context })
    objections = definition.objections?.(held, wanted) ?? []
    await definition.requireCompatible?.(needs.context, needs.choices, wanted)
    return { part, title, objections, ...(await settle(definition, needs, { held, wanted })) }
  } catch (error) {
    return { part, title, objections, changes: [], ...explainFailed(definition, needs, error) }
  }
}

async function settle<Held>(definition: PartDefinition<Held>, needs: ApplyNeeds, step: Step<Held>): Promise<Settled> {
  const changes = compareItems(definition.ours(step.held), step.wanted)
  if (changes.length === 0) return { outcome: isNothing(step.wanted) ? 'not_asked' : 'unchanged', changes }
  return needs.isDryRun ? { outcome: 'would_change', changes } : await set(definition, needs, step)
}

async function set<Held>(definition: PartDefinition<Held>, needs: ApplyNeeds, step: Step<Held>): Promise<Settled> {
  await needs.proveBefore()
  await definition.dryRun?.(needs.context, step.wanted, step.held)
  const weaker = await putStrongest(definition, needs, step)
  const wanted = weaker?.wanted ?? step.wanted
  const left = await readBack(definition, needs, wanted)
  if (left.length > 0) return { outcome: 'failed', changes: [], ...keptOtherwise(left) }
  const message = weaker?.message ?? definition.reminder?.(needs.choices)
  return {
    ...setTo(compareItems(definition.ours(step.held), wanted)),
    ...(message === undefined ? {} : { message }),
  }
}

/** What the weaker form has may have been there before. */
function setTo(changes: Change[]): Settled {
  return { outcome: changes.length === 0 ? 'unchanged' : 'changed', changes }
}

function isNothing(wanted: Items): boolean {
  return Object.keys(wanted).length === 0
}

/** What was put instead, where the bucket refused papers with what is wanted. */
async function putStrongest<Held>(definition: PartDefinition<Held>, { context }: ApplyNeeds, step: Step<Held>) {
  try {
    await putAndProve(definition, context, step)
    return undefined
  } catch (error) {
    const weaker = error instanceof ProbeFailed ? definition.weaker?.(step.wanted) : undefined
    if (weaker === undefined) throw error
    await putAndProve(definition, context, { ...step, wanted: weaker.wanted })
    return weaker
  }
}

/** What makes the bucket refuse papers is taken back before anybody is told. */
async function putAndProve<Held>(
  definition: PartDefinition<Held>,
  context: BucketContext,
  { held, wanted }: Step<Held>,
): Promise<void> {
  await putPart(definition, context, definition.merge(held, wanted))
  try {
    await probeBucket(context)
  } catch (error) {
    await putPart(definition, context, held, RollbackFailed)
    throw error
  }
}

function read<Held>(definition: PartDefinition<Held>, context: BucketContext): Promise<Held | undefined> {
  return withRight(setupRights[definition.part].read, () => definition.read(context))
}

const readings = 4

/** What is otherwise than it was set. Amazon may give out what was there before for some seconds. */
async function readBack<Held>(
  definition: PartDefinition<Held>,
  { context, pauseMs }: ApplyNeeds,
  wanted: Items,
): Promise<Change[]> {
  for (let reading = 1; ; reading += 1) {
    const left = compareItems(definition.ours(await read(definition, context)), wanted)
    if (left.length === 0 || reading === readings) return left
    await wait(pauseMs * reading)
  }
}

function keptOtherwise(left: Change[]): Pick<Settled, 'message' | 'advice'> {
  const named = left.map(({ item, from }) => `${item} is ${from === undefined ? 'not there' : JSON.stringify(from)}`)
  return {
    message: `The store took it and has it otherwise: ${named.join('; ')}`,
    advice: 'If somebody else changes the bucket just now, run this again; else the store cannot have it.',
  }
}

function explainFailed<Held>(
  { part, isRequested: isAskedFor }: PartDefinition<Held>,
  { context, choices }: ApplyNeeds,
  error: unknown,
): Pick<Settled, 'outcome' | 'message' | 'advice'> {
  if (error instanceof CannotApply) return { outcome: 'failed', message: error.message }
  if (!(error instanceof RollbackFailed)) rethrowHopeless(context, error)
  const isSpared = isUnsupported(context, error) && !isAskedFor(choices)
  return { outcome: isSpared ? 'lacking' : 'failed', ...explainPart(context, part, error) }
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
function rethrowHopeless(context: BucketContext, error: unknown): void {
  // Told to end, or found out already.
  if (context.signal.aborted || error instanceof AppError) throw error
  const cause = causeOf(error)
  const { trouble, s3Code } = s3FailureOf(cause)
  if (!hopeless.has(trouble)) return
  const { message, advice } = explainS3Failure(cause, { ...context, right: rightOf(error, 'versioning') })
  const more = s3Code === 'NoSuchBucket' ? ' `./bin/paniq-docs s3 test` makes it, with credentials that may.' : ''
  throw new AppError('store_unavailable', `${message}. ${advice}${more}`, { cause: error })
}

/** Before anything was changed: what is set could not be proved to be in nobody’s way. */
export function notProvedBefore(context: BucketContext, error: ProbeFailed): AppError {
  rethrowHopeless(context, error)
  const { message, advice } = explainS3Failure(error.cause, { ...context, right: error.right })
  return new AppError(
    'store_unavailable',
    `Nothing was changed: each change is proved by an object that is put, read and removed, and that cannot be done now. ${message}. ${advice}`,
    { cause: error },
  )
}

/** Whether the store has no such thing, or has it in a way in which nothing else goes: only Amazon’s is known to have all. */
export function isUnsupported({ config }: BucketContext, error: unknown): boolean {
  if (error instanceof RollbackFailed) return false
  return isUnknownCall(causeOf(error)) || (error instanceof ProbeFailed && !isAmazon(config))
}

function explainPart(context: BucketContext, part: PartName, error: unknown): Explanation {
  if (error instanceof ProbeFailed) return explainNotProved(context, error)
  if (error instanceof RollbackFailed) return explainNotTakenBack(context, error)
  if (isUnsupported(context, error))
    return { message: 'This store has no such thing', advice: 'The rest of the bucket is set up without it.' }
  return explainS3Failure(causeOf(error), { ...context, right: rightOf(error, part) })
}

function explainNotProved(context: BucketContext, error: ProbeFailed): Explanation {
  const { message } = explainS3Failure(error.cause, { ...context, right: error.right })
  return {
    message: `With it the bucket does not take what the service sends (${message}), so it was left as it is`,
    advice: isAmazon(context.config)
      ? 'See what stands in the way, such as a right on the key, and run this again.'
      : 'The store says that it can have it, and does not do as Amazon’s does.',
  }
}

function explainNotTakenBack(context: BucketContext, error: RollbackFailed): Explanation {
  const { message } = explainS3Failure(error.cause, { ...context, right: error.right })
  return {
    message: `It was put to see whether papers still go in, and could not be taken back (${message})`,
    advice: 'Put it back by hand as it was; ./bin/paniq-docs s3 test tells whether the bucket takes papers.',
  }
}

function rightOf(error: unknown, part: PartName): string {
  return error instanceof CallFailed ? error.right : setupRights[part].write
}

function causeOf(error: unknown): unknown {
  return error instanceof CallFailed ? error.cause : error
}
