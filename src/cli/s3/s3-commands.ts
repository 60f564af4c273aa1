import { z } from 'zod'

import { bucketName, whole } from '../../config/setting-formats.ts'
import {
  minDaysInStandard,
  transitionClasses,
  defaultNoncurrentDays,
} from '../../storage/bucket-setup/lifecycle-rules.ts'
import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'

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

export const s3Commands = [
  defineCommand({
    path: 's3 test',
    summary: 'Check every permission the service needs on its bucket.',
    description:
      'Check everything the service does with its bucket: find the credentials, find or create the bucket, put, get, follow a link, delete, abort. The command removes its test object, also when you stop it (Ctrl-C). Each step that fails says what to do.',
    example: './bin/paniq-docs s3 test',
    json: 'object',
    run: (options) =>
      withSettings(options, async (needs) => {
        const { testS3 } = await import('./test-s3.ts')
        await testS3({ ...needs, credentialsPlace: needs.sourceOf('AWS_ACCESS_KEY_ID') })
      }),
  }),
  defineCommand<SetupOptions>({
    path: 's3 setup',
    summary: 'Configure the bucket for documents.',
    description:
      'Configure the bucket: versioning, public-access block, default encryption, a policy that requires TLS and rejects old signatures, lifecycle, CORS, replication. It needs the credentials of an operator, not those of the service. Each part is read, compared, set, read back, and undone if the bucket then rejects documents. Rules and statements of others stay. A part that no option names stays as an earlier run set it. You can stop it (Ctrl-C) and run it again: finished parts stay.',
    example: './bin/paniq-docs s3 setup --dry-run',
    json: 'object',
    configure: (command) =>
      command
        .option('--dry-run', 'change nothing; print the differences')
        .option(
          '--noncurrent-days <n>',
          `keep replaced and removed files this many days; ${defaultNoncurrentDays} on a new bucket`,
          parseAs(days),
        )
        .option(
          '--transition-days <n>',
          'move documents of this many days to a cheaper storage class; off: stop moving them',
          parseAs(daysOrOff),
        )
        .option(
          '--transition-class <class>',
          `with --transition-days: ${transitionClasses.join(', ')}; default: the first, which needs ${minDaysInStandard} days or more`,
          parseAs(storageClass),
        )
        .option(
          '--quarantine-days <n>',
          'remove files that have been in quarantine this many days; off: stop removing them',
          parseAs(daysOrOff),
        )
        .option('--kms-key <arn>', 'encrypt with this KMS key instead of the key of S3', parseAs(key))
        .option(
          '--replicate-to <bucket>',
          'copy new files to this bucket in another region; off: stop copying',
          parseAs(bucketOrOff),
        )
        .option('--replication-role <arn>', 'with --replicate-to: the role that S3 uses to copy', parseAs(role))
        .option('--replica-kms-key <arn>', 'with --replicate-to: the KMS key for the copies', parseAs(key))
        .option('--replica-keeps-deleted', 'with --replicate-to: keep the copies of removed and purged files'),
    run: (options) =>
      withSettings(options, async (needs) => {
        const { setUpS3 } = await import('./set-up-s3.ts')
        await setUpS3({ ...needs, credentialsPlace: needs.sourceOf('AWS_ACCESS_KEY_ID') }, options)
      }),
  }),
]
