import { type Command } from 'commander'
import { z } from 'zod'

import { bucketName, whole } from '../../config/setting-formats.ts'
import { leastDaysInStandard, transitionClasses, usualNoncurrentDays } from '../../storage/bucket-setup/bucket-rules.ts'
import { type OutputOptions, addJsonOption, parseAs, addExample } from '../command/describe-command.ts'

export type SetupOptions = OutputOptions & {
  dryRun?: true
  noncurrentDays?: number
  transitionDays?: number | 'off'
  transitionClass?: (typeof transitionClasses)[number]
  quarantineDays?: number | 'off'
  kmsKey?: string
  replicateTo?: string
  replicationRole?: string
  replicaKmsKey?: string
  replicaKeepsDeleted?: true
}

export type S3Actions = {
  testS3: (options: OutputOptions) => Promise<void>
  setUpS3: (options: SetupOptions) => Promise<void>
}

const maxDays = 36_500
const days = whole(1, maxDays)
const daysOrOff = z
  .string()
  .refine((text) => text === 'off' || days.safeParse(text).success, `must be a whole number, 1 to ${maxDays}, or off`)
  .transform((text) => (text === 'off' ? text : Number(text)))
const storageClass = z.enum(transitionClasses, `must be ${transitionClasses.join(', ')}`)
const bucketOrOff = z.string().regex(bucketName, 'must be a bucket name, or off')
const role = z
  .string()
  .regex(
    /^arn:[a-z-]+:iam::\d{12}:role\/\S+$/,
    'must be the ARN of a role, such as arn:aws:iam::123456789012:role/NAME',
  )
const key = z
  .string()
  .regex(
    /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:(key|alias)\/\S+$/,
    'must be the ARN of a key, such as arn:aws:kms:af-south-1:123456789012:key/ID',
  )

/** The commands about the bucket itself. */
export function addS3(program: Command, actions: S3Actions): void {
  const s3 = program.command('s3').description('The bucket.')
  const test = addJsonOption(s3.command('test'))
    .summary('Try all that the service does with its bucket.')
    .description(
      'Try all that the service does with its bucket: find the credentials, find or make the bucket, put, get, follow a link, delete, abort. What it puts there it removes, also when it is ended (Ctrl-C). Each step that fails says what to do.',
    )
    .action(actions.testS3)
  addExample(test, './bin/paniq-docs s3 test')

  addSetup(s3, actions)
}

function addSetup(s3: Command, actions: S3Actions): void {
  const setup = addJsonOption(s3.command('setup'))
    .summary('Set the bucket up as papers need it.')
    .description(
      'Set the bucket up: versioning, closed to the public, default encryption, a policy of TLS alone and no old signatures, lifecycle, CORS, replication. It needs credentials of an operator, not the service’s. Each part is read, compared, set, read back, and taken back where the bucket then refuses papers; rules and statements of others stay. What no option names stays as an earlier run left it. It may be ended (Ctrl-C) and run again: what was set stays.',
    )
    .option('--dry-run', 'change nothing: print what is otherwise than it should be')
    .option(
      '--noncurrent-days <n>',
      `for how many days what was replaced or removed is kept; on a new bucket ${usualNoncurrentDays}`,
      parseAs(days),
    )
    .option(
      '--transition-days <n>',
      'move papers that are so many days old to a cheaper storage class; off: no longer',
      parseAs(daysOrOff),
    )
    .option(
      '--transition-class <class>',
      `with --transition-days: ${transitionClasses.join(', ')}; usually the first, from ${leastDaysInStandard} days on`,
      parseAs(storageClass),
    )
    .option(
      '--quarantine-days <n>',
      'remove what has been in quarantine for so many days; off: no longer',
      parseAs(daysOrOff),
    )
    .option('--kms-key <arn>', 'encrypt with this key of KMS instead of S3’s own', parseAs(key))
    .option(
      '--replicate-to <bucket>',
      'copy whatever comes from now on to this bucket, of another region; off: no longer',
      parseAs(bucketOrOff),
    )
    .option('--replication-role <arn>', 'with --replicate-to: the role with which S3 copies', parseAs(role))
    .option('--replica-kms-key <arn>', 'with --replicate-to: the key of KMS for the copies', parseAs(key))
    .option('--replica-keeps-deleted', 'with --replicate-to: what is removed here stays there, purged papers too')
    .action(actions.setUpS3)
  addExample(setup, './bin/paniq-docs s3 setup --dry-run')
}
