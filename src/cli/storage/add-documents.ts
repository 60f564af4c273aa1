import { type Command } from 'commander'
import { z } from 'zod'

import { whole } from '../../config/setting-formats.ts'
import { addJsonOption, type OutputOptions, parseAs, parseFirmId, addExample } from '../command/describe-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'

export type MigrateOptions = OutputOptions & {
  dryRun?: true
  concurrency: number
  rate?: number
  firm?: string
  deleteSource?: true
  report?: string
}
export type DrainOptions = OutputOptions & { store?: string; concurrency: number }

/** What the commands that look after documents do. */
export type DocumentActions = {
  migrate: (to: 's3' | 'local', options: MigrateOptions) => Promise<void>
  drain: (options: DrainOptions) => Promise<void>
  verify: (options: VerifyOptions) => Promise<void>
  purge: (options: PurgeOptions) => Promise<void>
}

const concurrency = whole(1, 64)
const wrongRate = 'must be a number of megabytes, more than 0'
const megabytes = z.coerce.number(wrongRate).positive(wrongRate)

/** The commands that move and compare documents. */
export function addDocuments(program: Command, actions: DocumentActions): void {
  addMoving(program, actions)
  addVerify(program, actions)
}

function addMoving(program: Command, actions: DocumentActions): void {
  const migrate = program.command('migrate').description('Move every document from one store to the other.')
  const toS3 = migrating(migrate.command('to-s3'))
    .summary('Move documents from the local disk to S3.')
    .description(
      'Move documents from UPLOADS_DIR to S3 while the service runs. Each one is read back and its hash compared before its row changes. It may be ended (Ctrl-C) or killed at any moment and run again, also by several at once: it goes on where it stands. Set USE_S3_STORAGE=true first, so that nothing new comes to the disk meanwhile.',
    )
    .action((options: MigrateOptions) => actions.migrate('s3', options))
  addExample(
    toS3,
    './bin/paniq-docs migrate to-s3 --dry-run\n  $ ./bin/paniq-docs migrate to-s3 --report migration.jsonl',
  )

  const toLocal = migrating(migrate.command('to-local'))
    .summary('Move documents from S3 to the local disk.')
    .description(
      'Move documents from S3 to UPLOADS_DIR, in the same way as `migrate to-s3`. Set USE_S3_STORAGE=false first.',
    )
    .action((options: MigrateOptions) => actions.migrate('local', options))
  addExample(toLocal, './bin/paniq-docs migrate to-local --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b')

  const drain = addJsonOption(program.command('drain'), 'answer with JSON objects, one a line')
    .summary('Move what waits on a disk to S3 now.')
    .description(
      'Move what was uploaded while S3 was away from the local disk to S3 now. A running service does so by itself; this is for a disk that another instance left behind, or for somebody who does not want to wait. Ended (Ctrl-C) and run again, it goes on where it stands. Its last line says whether the disk may be wiped.',
    )
    .option('--store <path>', 'the UPLOADS_DIR of another instance, instead of this one’s')
    .option('--concurrency <n>', 'how many files are written at once, and as many read back', parseAs(concurrency), 4)
    .action(actions.drain)
  addExample(drain, './bin/paniq-docs drain --store /mnt/old-instance/uploads')
}

function migrating(command: Command): Command {
  return addJsonOption(command, 'answer with JSON objects, one a line')
    .option('--dry-run', 'change nothing: count, and find what is missing or cannot be read')
    .option('--concurrency <n>', 'how many files are written at once, and as many read back', parseAs(concurrency), 8)
    .option('--rate <megabytes>', 'at most so many megabytes a second', parseAs(megabytes))
    .option('--firm <id>', 'the documents of one firm alone', parseFirmId)
    .option('--delete-source', 'remove the sources too, a day after each was moved')
    .option('--report <file>', 'add a JSON line about every document to this file')
}

export type VerifyOptions = OutputOptions & {
  /** Of all versions: 0.05 of `5%`. Without it all are meant. */
  sample?: number
  /** False with `--no-read`. */
  read: boolean
  repair?: true
  many?: true
  concurrency: number
  report?: string
}

const wrongShare = 'must be a percentage, more than 0% and at most 100%, such as 5%'
const share = z
  .string()
  .regex(/^\d+(\.\d+)?%$/, wrongShare)
  .transform((text) => Number.parseFloat(text) / 100)
  .refine((part) => part > 0 && part <= 1, wrongShare)

function addVerify(program: Command, actions: DocumentActions): void {
  const verify = addJsonOption(program.command('verify'))
    .summary('Compare the rows with the bytes: on this disk and on S3.')
    .description(
      'Read every byte of every document on this disk and on S3, and name what is missing, what is not what was stored, and what lies there that no row names. Wrong bytes are no longer served, and bytes that are right again are. It may run beside the service. Ended (Ctrl-C), it says nothing of what it has not come to; run again, it begins anew.',
    )
    .option('--sample <share>', 'a random part of the documents, such as 5%, others each time', parseAs(share))
    .option('--no-read', 'ask for presence and length alone, which is fast and finds less')
    .option(
      '--repair',
      'put strays (files that no row names) that are older than a day into quarantine, and end stray uploads as old',
    )
    .option('--many', 'with --repair: also where strays are more than 100 or 1 % of the files')
    .option('--concurrency <n>', 'how many files at once', parseAs(concurrency), 4)
    .option('--report <file>', 'write a JSON line about every finding to this file')
    .action(async (options: VerifyOptions) => {
      if (options.many === true && options.repair !== true) throw new WrongUse('--many goes with --repair alone.')
      await actions.verify(options)
    })
  addExample(verify, './bin/paniq-docs verify --sample 5%')
}

export type PurgeOptions = OutputOptions & {
  now?: true
  dryRun?: true
  document: string[]
  reason?: string
}

const documentId = z.guid('must be the id of a document, a UUID').transform((id) => id.toLowerCase())
const reason = z.string().trim().min(1, 'must not be empty').max(2000, 'must be at most 2000 characters')

export function addPurge(program: Command, actions: DocumentActions): void {
  const purge = addJsonOption(program.command('purge'), 'answer with JSON objects, one a line')
    .summary('Destroy what has been in the trash for long enough.')
    .description(
      'Destroy what has been in the trash for TRASH_DAYS and nothing else keeps, as a running service does every day: the rows now, the bytes a day later. What is under a legal hold, is retained by its type, or is a firm’s last verified paper of a required type stays, and is named. It may be ended (Ctrl-C) or killed at any moment and run again.',
    )
    .option(
      '--now',
      'destroy the bytes at once, every version that the bucket keeps; needs rights that the service has not',
    )
    .option('--dry-run', 'change nothing: name what would go, and what stays and why')
    .option(
      '--document <id>',
      'this document alone; with --now also before its days in the trash are over (repeatable)',
      collect,
    )
    .option(
      '--reason <text>',
      'why, for the record of all that goes, instead of the days in the trash; with --document and --now it must be said',
      parseAs(reason),
    )
    .action(async ({ document = [], ...asked }: Omit<PurgeOptions, 'document'> & { document?: string[] }) => {
      const options = { ...asked, document }
      if (options.now === true && options.document.length > 0 && options.reason === undefined)
        throw new WrongUse('Say why with --reason: whoever destroys a paper before its time has to.')
      await actions.purge(options)
    })
  addExample(
    purge,
    './bin/paniq-docs purge --dry-run\n  $ ./bin/paniq-docs purge --now --document 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b --reason "erasure request 17"',
  )
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, parseAs(documentId)(text)]
}
