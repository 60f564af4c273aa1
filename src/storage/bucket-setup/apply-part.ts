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
 * `not_asked`: no setting is wanted, and none is present. `lacking`: the store does not support the part, and no option
 * requested it. `would_change`: in a dry run.
 */
export type PartOutcome = 'unchanged' | 'changed' | 'would_change' | 'not_asked' | 'lacking' | 'failed'

export type PartResult = {
  part: PartName
  title: string
  outcome: PartOutcome
  changes: Change[]
  /** What failed, or how the setting differs from the requested one. */
  message?: string
  advice?: string
  objections: Objection[]
}

export type ApplyNeeds = {
  context: BucketContext
  choices: BucketChoices
  isDryRun: boolean
  pauseMs: number
  /** Probes the bucket before the first change, when a failure is no part's fault. */
  probeBefore: () => Promise<void>
}

type Applied = Pick<PartResult, 'outcome' | 'changes' | 'message' | 'advice'>
type Step<Held> = { held: Held | undefined; wanted: Items }

/** Reads, compares, sets and reads back one part, and probes the bucket. Throws a failure that would stop every other part too. */
export async function applyPart<Held>(definition: PartDefinition<Held>, needs: ApplyNeeds): Promise<PartResult> {
  const { part, title } = definition
  let objections: Objection[] = []
  try {
    const held = await read(definition, needs.context)
    const wanted = definition.wanted({ choices: needs.choices, held, context: needs.context })
    objections = definition.objections?.(held, wanted) ?? []
    await definition.requireCompatible?.(needs.context, needs.choices, wanted)
    return { part, title, objections, ...(await compareAndSet(definition, needs, { held, wanted })) }
  } catch (error) {
    return { part, title, objections, changes: [], ...explainFailed(definition, needs, error) }
  }
}

async function compareAndSet<Held>(
  definition: PartDefinition<Held>,
  needs: ApplyNeeds,
  step: Step<Held>,
): Promise<Applied> {
  const changes = compareItems(definition.ours(step.held), step.wanted)
  if (changes.length === 0) return { outcome: isNothing(step.wanted) ? 'not_asked' : 'unchanged', changes }
  return needs.isDryRun ? { outcome: 'would_change', changes } : await set(definition, needs, step)
}

async function set<Held>(definition: PartDefinition<Held>, needs: ApplyNeeds, step: Step<Held>): Promise<Applied> {
  await needs.probeBefore()
  await definition.dryRun?.(needs.context, step.wanted, step.held)
  const weaker = await putStrongest(definition, needs, step)
  const wanted = weaker?.wanted ?? step.wanted
  const left = await readBack(definition, needs, wanted)
  if (left.length > 0) return { outcome: 'failed', changes: [], ...describeDifference(left) }
  const message = weaker?.message ?? definition.reminder?.(needs.choices)
  return {
    ...setTo(compareItems(definition.ours(step.held), wanted)),
    ...(message === undefined ? {} : { message }),
  }
}

/** The weaker setting may already have been in place. */
function setTo(changes: Change[]): Applied {
  return { outcome: changes.length === 0 ? 'unchanged' : 'changed', changes }
}

function isNothing(wanted: Items): boolean {
  return Object.keys(wanted).length === 0
}

/** Returns the weaker setting, if the bucket rejected documents with the wanted one. */
async function putStrongest<Held>(definition: PartDefinition<Held>, { context }: ApplyNeeds, step: Step<Held>) {
  try {
    await putAndProbe(definition, context, step)
    return undefined
  } catch (error) {
    const weaker = error instanceof ProbeFailed ? definition.weaker?.(step.wanted) : undefined
    if (weaker === undefined) throw error
    await putAndProbe(definition, context, { ...step, wanted: weaker.wanted })
    return weaker
  }
}

/** Rolls the change back if the bucket then rejects documents. */
async function putAndProbe<Held>(
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

const maxReads = 4

/** Reads the setting back and returns the differences. Amazon may return the old setting for some seconds. */
async function readBack<Held>(
  definition: PartDefinition<Held>,
  { context, pauseMs }: ApplyNeeds,
  wanted: Items,
): Promise<Change[]> {
  for (let reading = 1; ; reading += 1) {
    const left = compareItems(definition.ours(await read(definition, context)), wanted)
    if (left.length === 0 || reading === maxReads) return left
    await wait(pauseMs * reading)
  }
}

function describeDifference(left: Change[]): Pick<Applied, 'message' | 'advice'> {
  const named = left.map(({ item, from }) => `${item} is ${from === undefined ? 'missing' : JSON.stringify(from)}`)
  return {
    message: `The store accepted the setting but changed it: ${named.join('; ')}`,
    advice: 'If somebody else is changing the bucket now, run this again. Otherwise the store does not support it.',
  }
}

function explainFailed<Held>(
  { part, isRequested: isAskedFor }: PartDefinition<Held>,
  { context, choices }: ApplyNeeds,
  error: unknown,
): Pick<Applied, 'outcome' | 'message' | 'advice'> {
  if (error instanceof CannotApply) return { outcome: 'failed', message: error.message }
  if (!(error instanceof RollbackFailed)) rethrowHopeless(context, error)
  const isOptional = isUnsupported(context, error) && !isAskedFor(choices)
  return { outcome: isOptional ? 'lacking' : 'failed', ...explainPart(context, part, error) }
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

/** Throws an explained error if every other part would fail in the same way. */
function rethrowHopeless(context: BucketContext, error: unknown): void {
  // Aborted, or already explained.
  if (context.signal.aborted || error instanceof AppError) throw error
  const cause = causeOf(error)
  const { trouble, s3Code } = s3FailureOf(cause)
  if (!hopeless.has(trouble)) return
  const { message, advice } = explainS3Failure(cause, { ...context, right: rightOf(error, 'versioning') })
  const more =
    s3Code === 'NoSuchBucket' ? ' `./bin/paniq-docs s3 test` creates it, with credentials that allow it.' : ''
  throw new AppError('store_unavailable', `${message}. ${advice}${more}`, { cause: error })
}

/** The bucket failed the probe before anything was changed. */
export function toProbeError(context: BucketContext, error: ProbeFailed): AppError {
  rethrowHopeless(context, error)
  const { message, advice } = explainS3Failure(error.cause, { ...context, right: error.right })
  return new AppError(
    'store_unavailable',
    `Nothing was changed: each change is tested with an object that is put, read and deleted, and that fails now. ${message}. ${advice}`,
    { cause: error },
  )
}

/** Whether the store does not support a part, or breaks uploads with it. Only Amazon S3 is known to support all parts. */
export function isUnsupported({ config }: BucketContext, error: unknown): boolean {
  if (error instanceof RollbackFailed) return false
  return isUnknownCall(causeOf(error)) || (error instanceof ProbeFailed && !isAmazon(config))
}

function explainPart(context: BucketContext, part: PartName, error: unknown): Explanation {
  if (error instanceof ProbeFailed) return explainProbeFailure(context, error)
  if (error instanceof RollbackFailed) return explainRollbackFailure(context, error)
  if (isUnsupported(context, error))
    return { message: 'This store does not support it', advice: 'The rest of the bucket is set up without it.' }
  return explainS3Failure(causeOf(error), { ...context, right: rightOf(error, part) })
}

function explainProbeFailure(context: BucketContext, error: ProbeFailed): Explanation {
  const { message } = explainS3Failure(error.cause, { ...context, right: error.right })
  return {
    message: `With this setting the bucket rejects the service’s uploads (${message}), so the setting was rolled back`,
    advice: isAmazon(context.config)
      ? 'Find the cause, such as a missing right on the key, and run this again.'
      : 'The store accepts the setting but does not behave as Amazon S3 does.',
  }
}

function explainRollbackFailure(context: BucketContext, error: RollbackFailed): Explanation {
  const { message } = explainS3Failure(error.cause, { ...context, right: error.right })
  return {
    message: `The setting was tested and could not be rolled back (${message})`,
    advice: 'Restore the old setting by hand. ./bin/paniq-docs s3 test checks whether the bucket accepts documents.',
  }
}

function rightOf(error: unknown, part: PartName): string {
  return error instanceof CallFailed ? error.right : setupRights[part].write
}

function causeOf(error: unknown): unknown {
  return error instanceof CallFailed ? error.cause : error
}
