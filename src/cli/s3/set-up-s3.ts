import type { ConfigWithoutTokens, S3Config } from '../../config/load-config.ts'
import { AppError } from '../../errors/app-error.ts'
import { BucketUnusable, type PartOutcome } from '../../storage/bucket-setup/apply-part.ts'
import { isAmazon } from '../../storage/s3/requests/retrying-s3-client.ts'
import { type DescribedPart, describePart, describeUnusable } from './describe-setup-part.ts'
import { describeCredentials } from './describe-test-step.ts'
import type { SetupOptions } from './s3-commands.ts'
import { CommandFailed, WrongUse } from '../printing/explain-failure.ts'
import { describeEndpoint } from '../printing/explain-s3-failure.ts'
import { formatCount, type Printer } from '../printing/printer.ts'
import type { Change } from '../../storage/bucket-setup/bucket-part.ts'
import { type BucketChoices, type ReplicationChoice } from '../../storage/bucket-setup/bucket-rules.ts'
import { bucketArnOf } from '../../storage/bucket-setup/policy-statements.ts'
import { minDaysInStandard, transitionClasses } from '../../storage/bucket-setup/lifecycle-rules.ts'
import { setUpBucket } from '../../storage/bucket-setup/set-up-bucket.ts'
import { findConfiguredCredentials } from '../../storage/s3/diagnosis/find-credentials.ts'

type Needs = {
  config: ConfigWithoutTokens
  print: Printer
  /** The source of the credentials in the settings, such as `.env`. */
  credentialsPlace: string
  /** Aborts at a shutdown signal. */
  signal: AbortSignal
}

/** `s3 setup`. Prints why and throws `CommandFailed` when the bucket is not configured in the end. */
export async function setUpS3(
  { config, print, credentialsPlace, signal }: Needs,
  options: SetupOptions,
): Promise<void> {
  const { s3 } = config
  const isDryRun = options.dryRun === true
  const choices = chooseSetup(options, config)
  print.text(`Bucket ${s3.bucket}, region ${s3.region}, at ${describeEndpoint(s3)}`)
  print.text(await requireCredentials(s3, credentialsPlace))

  const parts: DescribedPart[] = []
  try {
    for await (const result of setUpBucket({ config: s3, choices, isDryRun, signal })) {
      const part = describePart(result, { config: s3, choices })
      parts.push(part)
      printPart(print, part)
    }
  } catch (error) {
    if (!signal.aborted) throw explainSetup(error)
  }
  const isComplete = !signal.aborted
  const ok = isComplete && parts.every(isGood)
  print.json({
    ok,
    dry_run: isDryRun,
    complete: isComplete,
    bucket: s3.bucket,
    region: s3.region,
    endpoint: s3.endpoint ?? null,
    parts: parts.map(toJson),
  })
  printEnd(print, { parts, ok, isDryRun, isComplete, config: s3 })
  if (!ok) throw new CommandFailed()
}

/** Describes the source of the credentials. Throws `store_unavailable` with advice when there are none. */
async function requireCredentials(s3: S3Config, where: string): Promise<string> {
  const found = await findConfiguredCredentials(s3)
  const { message, advice } = describeCredentials(found, where)
  if (!found.isFound) throw new AppError('store_unavailable', `${message}. ${advice}`)
  return message
}

function explainSetup(error: unknown): unknown {
  if (!(error instanceof BucketUnusable)) return error
  return new AppError('store_unavailable', describeUnusable(error), { cause: error })
}

/** The names of these fields are part of the command's JSON. */
function toJson({ message: says, objections, ...part }: DescribedPart) {
  return {
    ...part,
    ...(says === undefined ? {} : { says }),
    objections: objections.map(({ isSerious: breaks, message }) => ({ breaks, says: message })),
  }
}

function isGood({ outcome, objections }: DescribedPart): boolean {
  return outcome !== 'failed' && !objections.some(({ isSerious }) => isSerious)
}

/** The requested configuration, from options and settings. Throws `WrongUse` when they contradict each other. */
function chooseSetup(options: SetupOptions, config: ConfigWithoutTokens): BucketChoices {
  const { noncurrentDays, quarantineDays, kmsKey } = options
  const transition = chooseTransition(options)
  const replication = chooseReplication(options, config)
  requireRegion(kmsKey, config)
  return {
    origins: originsOf(config),
    ...(noncurrentDays === undefined ? {} : { noncurrentDays }),
    ...(quarantineDays === undefined ? {} : { quarantineDays }),
    ...(kmsKey === undefined ? {} : { kmsKey }),
    ...(transition === undefined ? {} : { transition }),
    ...(replication === undefined ? {} : { replication }),
  }
}

function chooseTransition({ transitionDays: days, transitionClass }: SetupOptions): BucketChoices['transition'] {
  if (days === undefined || days === 'off') {
    if (transitionClass !== undefined) throw new WrongUse('--transition-class needs --transition-days <n>.')
    return days
  }
  const storageClass = transitionClass ?? transitionClasses[0]
  if (storageClass === 'STANDARD_IA' && days < minDaysInStandard)
    throw new WrongUse(
      `--transition-days: S3 moves nothing to STANDARD_IA before it is ${minDaysInStandard} days old; give ${minDaysInStandard} or more, or another --transition-class.`,
    )
  return { days, storageClass }
}

function chooseReplication(options: SetupOptions, { s3 }: ConfigWithoutTokens): BucketChoices['replication'] {
  const { replicateTo: target, replicationRole: role, replicaKmsKey, replicaKeepsDeleted, kmsKey } = options
  if (target === undefined || target === 'off') {
    if (role ?? replicaKmsKey ?? replicaKeepsDeleted)
      throw new WrongUse(
        '--replication-role, --replica-kms-key and --replica-keeps-deleted need --replicate-to <bucket>.',
      )
    return target
  }
  if (role === undefined)
    throw new WrongUse('--replicate-to needs --replication-role <arn>, the role that S3 uses to copy.')
  if (target === s3.bucket) throw new WrongUse(`--replicate-to: ${target} is the bucket itself. Name another.`)
  if (kmsKey !== undefined && replicaKmsKey === undefined)
    throw new WrongUse(
      '--replicate-to with --kms-key needs --replica-kms-key <arn>, a key in the region of the replica. Without it S3 copies no encrypted files.',
    )
  const choice: ReplicationChoice = {
    bucketArn: bucketArnOf(target, s3.region),
    role,
    kmsKey: replicaKmsKey,
    followsDeletes: replicaKeepsDeleted !== true,
  }
  return choice
}

function requireRegion(kmsKey: string | undefined, { s3 }: ConfigWithoutTokens): void {
  const region = kmsKey?.split(':')[3]
  if (region !== undefined && region !== s3.region)
    throw new WrongUse(
      `--kms-key: this key is in ${region}, and the bucket is in ${s3.region}. Name a key in the region of the bucket.`,
    )
}

/** The same origins as in the API. */
function originsOf({ corsOrigins, publicUrl }: ConfigWithoutTokens): string[] {
  const own = publicUrl === undefined ? [] : [new URL(publicUrl).origin]
  return [...new Set([...corsOrigins, ...own])]
}

type Style = Parameters<Printer['paint']>[0]

const marks: Record<PartOutcome, { style: Style; mark: string; word: string }> = {
  unchanged: { style: 'green', mark: '✓', word: 'correct' },
  changed: { style: 'green', mark: '✓', word: 'changed' },
  would_change: { style: 'yellow', mark: '~', word: 'would be changed' },
  not_asked: { style: 'dim', mark: '–', word: 'not requested' },
  lacking: { style: 'yellow', mark: '!', word: 'not set' },
  failed: { style: 'red', mark: '✗', word: 'failed' },
}

/** Prints the outcome of a part, its changes, and what to know or do. */
function printPart(print: Printer, part: DescribedPart): void {
  const { style, mark, word } = marks[part.outcome]
  print.text(`${print.paint(style, mark)} ${part.title}: ${word}`)
  if (showsChanges.has(part.outcome)) for (const change of part.changes) printChange(print, change)
  if (part.message !== undefined) print.text(`  ${part.message}.`)
  if (part.advice !== undefined) print.text(`  ${part.advice}`)
  for (const { isSerious, message } of part.objections)
    print.text(`  ${print.paint(isSerious ? 'red' : 'yellow', isSerious ? '✗' : '!')} ${message}.`)
}

const showsChanges = new Set<PartOutcome>(['changed', 'would_change'])

function printChange(print: Printer, { item, from, to }: Change): void {
  if (from !== undefined) print.text(`  ${print.paint('red', `- ${item}: ${textOf(from)}`)}`)
  if (to !== undefined) print.text(`  ${print.paint('green', `+ ${item}: ${textOf(to)}`)}`)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

type End = { parts: DescribedPart[]; ok: boolean; isDryRun: boolean; isComplete: boolean; config: S3Config }

function printEnd(print: Printer, { parts, ok, isDryRun, isComplete, config }: End): void {
  const isOf = (outcome: PartOutcome) => parts.filter((each) => each.outcome === outcome).length
  if (!isComplete) return print.text(print.paint('red', 'Stopped before the end. Run it again: finished parts stay.'))
  if (parts.length > 0 && parts.every(isDenied))
    print.text(
      'These credentials may not read any part. If they are those of the service, use those of an operator: AWS_ACCESS_KEY_ID, or AWS_PROFILE with the key removed from .env.',
    )
  if (!ok) return print.text(print.paint('red', 'The bucket is not configured correctly: see the lines marked ✗.'))
  const done = isDryRun ? endOfDryRun(isOf('would_change'), config) : endOfRun(isOf('changed'))
  print.text(`${print.mark(true)} ${done}`)
}

function isDenied({ outcome, advice }: DescribedPart): boolean {
  return outcome === 'failed' && advice?.startsWith('Allow s3:Get') === true
}

function endOfDryRun(count: number, config: S3Config): string {
  if (count === 0) return 'Nothing would be changed.'
  const tried = isAmazon(config) ? '' : ' Parts that this store does not support are found and skipped in a real run.'
  return `${formatCount(count, 'part')} would be changed. Nothing was changed.${tried}`
}

function endOfRun(count: number): string {
  return count === 0
    ? 'Nothing was changed.'
    : `${formatCount(count, 'part')} changed. Check the result with ./bin/paniq-docs s3 test.`
}
