import { type Command } from 'commander'
import { z } from 'zod'

import { whole } from '../config-forms.ts'
import { answering, type Answers, parseAs, parseFirmId, teach } from './describe-command.ts'

export type MigrateOptions = Answers & {
  dryRun?: true
  concurrency: number
  rate?: number
  firm?: string
  deleteSource?: true
  report?: string
}
export type DrainOptions = Answers & { store?: string; concurrency: number }

/** What the commands that look after bytes do. */
export type StorageActions = {
  migrate: (to: 's3' | 'local', options: MigrateOptions) => Promise<void>
  drain: (options: DrainOptions) => Promise<void>
}

const concurrency = whole(1, 64)
const wrongRate = 'must be a number of megabytes, more than 0'
const megabytes = z.coerce.number(wrongRate).positive(wrongRate)

/** The commands that move documents between stores. */
export function addStorage(program: Command, actions: StorageActions): void {
  const migrate = program.command('migrate').description('Move every document from one store to the other.')
  const toS3 = migrating(migrate.command('to-s3'))
    .summary('Move documents from the local disk to S3.')
    .description(
      'Move documents from UPLOADS_DIR to S3 while the service runs. Each one is read back and its hash compared before its row changes. It may be ended (Ctrl-C) or killed at any moment and run again, also by several at once: it goes on where it stands. Set USE_S3_STORAGE=true first, so that nothing new comes to the disk meanwhile.',
    )
    .action((options: MigrateOptions) => actions.migrate('s3', options))
  teach(toS3, './bin/paniq-docs migrate to-s3 --dry-run\n  $ ./bin/paniq-docs migrate to-s3 --report migration.jsonl')

  const toLocal = migrating(migrate.command('to-local'))
    .summary('Move documents from S3 to the local disk.')
    .description(
      'Move documents from S3 to UPLOADS_DIR, in the same way as `migrate to-s3`. Set USE_S3_STORAGE=false first.',
    )
    .action((options: MigrateOptions) => actions.migrate('local', options))
  teach(toLocal, './bin/paniq-docs migrate to-local --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b')

  const drain = answering(program.command('drain'), 'answer with JSON objects, one a line')
    .summary('Move what waits on a disk to S3 now.')
    .description(
      'Move what was uploaded while S3 was away from the local disk to S3 now. A running service does so by itself; this is for a disk that another instance left behind, or for somebody who does not want to wait. Ended (Ctrl-C) and run again, it goes on where it stands. Its last line says whether the disk may be wiped.',
    )
    .option('--store <path>', 'the UPLOADS_DIR of another instance, instead of this one’s')
    .option('--concurrency <n>', 'how many files are written at once, and as many read back', parseAs(concurrency), 4)
    .action(actions.drain)
  teach(drain, './bin/paniq-docs drain --store /mnt/old-instance/uploads')
}

function migrating(command: Command): Command {
  return answering(command, 'answer with JSON objects, one a line')
    .option('--dry-run', 'change nothing: count, and find what is missing or cannot be read')
    .option('--concurrency <n>', 'how many files are written at once, and as many read back', parseAs(concurrency), 8)
    .option('--rate <megabytes>', 'at most so many megabytes a second', parseAs(megabytes))
    .option('--firm <id>', 'the documents of one firm alone', parseFirmId)
    .option('--delete-source', 'remove the sources too, a day after each was moved')
    .option('--report <file>', 'add a JSON line about every document to this file')
}
