import { setTimeout as wait } from 'node:timers/promises'

import { diagnoseS3, type S3Diagnosis } from '../s3/diagnosis/diagnose-s3.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { isUnknownCall, type S3Trouble } from '../s3/requests/s3-errors.ts'
import {
  type BucketContext,
  CallFailed,
  CannotApply,
  type Change,
  compareItems,
  type Conflict,
  getSetting,
  isFailedWithin,
  type Items,
  type Objection,
  type PartDefinition,
  probeBucket,
  putSetting,
} from './bucket-part.ts'
import { type BucketChoices, type PartName, setupRights } from './bucket-rules.ts'

/**
 * `not_asked`: no setting is wanted, and none is present. `lacking`: the store does not support the part, and no option
 * requested it. `would_change`: in a dry run.
 */
export type PartOutcome = 'unchanged' | 'changed' | 'would_change' | 'not_asked' | 'lacking' | 'failed'

/** Why a part was not set. */
export type PartProblem =
  | { kind: 'unsupported' }
  | { kind: 'conflict'; conflict: Conflict }
  | { kind: 'call_failed' | 'rolled_back' | 'not_rolled_back'; failure: S3Diagnosis }
  /** The store accepted the setting but returns other items. */
  | { kind: 'altered'; left: Change[] }

export type PartResult = {
  part: PartName
  outcome: PartOutcome
  changes: Change[]
  problem?: PartProblem
  /** Whether the store supports only the weaker setting. */
  isWeaker?: true
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

type Applied = Omit<PartResult, 'part' | 'objections'>
type Step<Setting> = { setting: Setting | undefined; wanted: Items }

/** A failure that concerns all parts. `isProbe`: the bucket failed the probe before anything was changed. */
export class BucketUnusable extends Error {
  override readonly name = 'BucketUnusable'
  readonly failure: S3Diagnosis
  readonly isProbe: boolean

  constructor(failure: S3Diagnosis, isProbe: boolean, cause: unknown) {
    super(`the bucket cannot be set up: ${failure.s3Code}`, { cause })
    this.failure = failure
    this.isProbe = isProbe
  }
}

/** Reads, compares, sets and reads back one part, and probes the bucket. Throws `BucketUnusable`. */
export async function applyPart<Setting>(definition: PartDefinition<Setting>, needs: ApplyNeeds): Promise<PartResult> {
  const { part } = definition
  let objections: Objection[] = []
  try {
    const setting = await getSetting(definition, needs.context)
    const wanted = definition.wanted({ choices: needs.choices, setting, context: needs.context })
    objections = definition.objections?.(setting, wanted) ?? []
    await definition.requireCompatible?.(needs.context, needs.choices, wanted)
    return { part, objections, ...(await compareAndSet(definition, needs, { setting, wanted })) }
  } catch (error) {
    return { part, objections, changes: [], ...diagnosePart(definition, needs, error) }
  }
}

async function compareAndSet<Setting>(
  definition: PartDefinition<Setting>,
  needs: ApplyNeeds,
  step: Step<Setting>,
): Promise<Applied> {
  const changes = compareItems(definition.ours(step.setting), step.wanted)
  if (changes.length === 0)
    return { outcome: Object.keys(step.wanted).length === 0 ? 'not_asked' : 'unchanged', changes }
  if (needs.isDryRun) return { outcome: 'would_change', changes }

  await needs.probeBefore()
  await definition.dryRun?.(needs.context, step.wanted, step.setting)
  const wanted = await putStrongest(definition, needs.context, step)
  const left = await readBack(definition, needs, wanted)
  if (left.length > 0) return { outcome: 'failed', changes: [], problem: { kind: 'altered', left } }
  if (wanted === step.wanted) return { outcome: 'changed', changes }
  // The weaker setting may already have been in place.
  const weaker = compareItems(definition.ours(step.setting), wanted)
  return { outcome: weaker.length === 0 ? 'unchanged' : 'changed', changes: weaker, isWeaker: true }
}

/** Returns the items that were set: the weaker ones if the bucket rejected documents with the wanted ones. */
async function putStrongest<Setting>(
  definition: PartDefinition<Setting>,
  context: BucketContext,
  step: Step<Setting>,
): Promise<Items> {
  try {
    return await putAndProbe(definition, context, step)
  } catch (error) {
    const { weaker } = definition
    if (weaker === undefined || !isFailedWithin(error, 'probe')) throw error
    return await putAndProbe(definition, context, { ...step, wanted: weaker })
  }
}

/** Rolls the change back if the bucket then rejects documents. */
async function putAndProbe<Setting>(
  definition: PartDefinition<Setting>,
  context: BucketContext,
  { setting, wanted }: Step<Setting>,
): Promise<Items> {
  await putSetting(definition, context, definition.merge(setting, wanted))
  try {
    await probeBucket(context)
  } catch (error) {
    await putSetting(definition, context, setting, 'rollback')
    throw error
  }
  return wanted
}

const maxReads = 4

/** Reads the setting back and returns the differences. Amazon may return the old setting for some seconds. */
async function readBack<Setting>(
  definition: PartDefinition<Setting>,
  { context, pauseMs }: ApplyNeeds,
  wanted: Items,
): Promise<Change[]> {
  for (let reading = 1; ; reading += 1) {
    const left = compareItems(definition.ours(await getSetting(definition, context)), wanted)
    if (left.length === 0 || reading === maxReads) return left
    await wait(pauseMs * reading)
  }
}

function diagnosePart<Setting>(
  definition: PartDefinition<Setting>,
  { context, choices }: ApplyNeeds,
  error: unknown,
): Pick<Applied, 'outcome' | 'problem'> {
  if (error instanceof CannotApply)
    return { outcome: 'failed', problem: { kind: 'conflict', conflict: error.conflict } }
  const failure = diagnose(context, error, definition.part)
  if (!isFailedWithin(error, 'rollback')) rethrowHopeless(context, error, failure)
  const isOptional = isUnsupported(context, error) && definition.isRequested?.(choices) !== true
  return { outcome: isOptional ? 'lacking' : 'failed', problem: problemOf(context, error, failure) }
}

function problemOf(context: BucketContext, error: unknown, failure: S3Diagnosis): PartProblem {
  if (isFailedWithin(error, 'probe')) return { kind: 'rolled_back', failure }
  if (isFailedWithin(error, 'rollback')) return { kind: 'not_rolled_back', failure }
  return isUnsupported(context, error) ? { kind: 'unsupported' } : { kind: 'call_failed', failure }
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

/** Throws if every other part would fail in the same way. */
function rethrowHopeless({ signal }: BucketContext, error: unknown, failure: S3Diagnosis): void {
  // Aborted, or thrown by the probe.
  if (signal.aborted || error instanceof BucketUnusable) throw error
  if (hopeless.has(failure.trouble)) throw new BucketUnusable(failure, false, error)
}

/** Probes the bucket before anything is changed. Throws `BucketUnusable`. */
export async function requireWorkingBucket(context: BucketContext): Promise<void> {
  try {
    await probeBucket(context)
  } catch (error) {
    if (!isFailedWithin(error, 'probe')) throw error
    const failure = diagnose(context, error, 'versioning')
    rethrowHopeless(context, error, failure)
    throw new BucketUnusable(failure, true, error)
  }
}

/** Whether the store does not support a part, or breaks uploads with it. Only Amazon S3 is known to support all parts. */
export function isUnsupported({ config }: BucketContext, error: unknown): boolean {
  if (isFailedWithin(error, 'rollback')) return false
  return isUnknownCall(causeOf(error)) || (isFailedWithin(error, 'probe') && !isAmazon(config))
}

function diagnose(context: BucketContext, error: unknown, part: PartName): S3Diagnosis {
  const right = error instanceof CallFailed ? error.right : setupRights[part].write
  return diagnoseS3(causeOf(error), { ...context, right })
}

function causeOf(error: unknown): unknown {
  return error instanceof CallFailed ? error.cause : error
}
