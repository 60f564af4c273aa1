import type { Command } from 'commander'
import { z } from 'zod'

import { whole } from '../../config/setting-formats.ts'
import type { StoreName } from '../../vocabulary/vocabulary.ts'
import { defineCommand, type OutputOptions, parseAs, parseFirmId } from '../command/define-command.ts'
import { withDocuments } from '../command/run-command.ts'
import { assertReportWritable } from '../printing/write-report.ts'

export type MigrateOptions = OutputOptions & {
  dryRun?: true
  concurrency: number
  rate?: number
  firm?: string
  deleteSource?: true
  report?: string
}
export type DrainOptions = OutputOptions & { store?: string; concurrency: number }

const concurrency = parseAs(whole(1, 64))
const wrongRate = 'must be a number of megabytes, more than 0'
const megabytes = z.coerce.number(wrongRate).positive(wrongRate)
const concurrencyMeaning = 'number of files to write at once, and to read back at once'

export const movingCommands = [
  defineCommand<MigrateOptions>({
    path: 'migrate to-s3',
    summary: 'Move documents from the local disk to S3.',
    description:
      'Move documents from UPLOADS_DIR to S3 while the service runs. Each copy is read back and its hash compared before the row changes. You can stop it (Ctrl-C) or kill it at any moment and run it again; several may run at once. Set USE_S3_STORAGE=true first, so that no new files are stored on the disk.',
    example: './bin/paniq-docs migrate to-s3 --dry-run\n  $ ./bin/paniq-docs migrate to-s3 --report migration.jsonl',
    json: 'lines',
    configure: addMigrateOptions,
    run: (options) => migrate('s3', options),
  }),
  defineCommand<MigrateOptions>({
    path: 'migrate to-local',
    summary: 'Move documents from S3 to the local disk.',
    description: 'Move documents from S3 to UPLOADS_DIR, as `migrate to-s3` does. Set USE_S3_STORAGE=false first.',
    example: './bin/paniq-docs migrate to-local --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b',
    json: 'lines',
    configure: addMigrateOptions,
    run: (options) => migrate('local', options),
  }),
  defineCommand<DrainOptions>({
    path: 'drain',
    summary: 'Move files that wait on a disk to S3 now.',
    description:
      'Move files that were uploaded while S3 was down from the local disk to S3 now. A running service does so by itself. Use this for a disk that another instance left behind, or when you cannot wait. You can stop it (Ctrl-C) and run it again: it resumes. Its last line says whether the disk may be wiped.',
    example: './bin/paniq-docs drain --store /mnt/old-instance/uploads',
    json: 'lines',
    configure: (command) =>
      command
        .option('--store <path>', 'the UPLOADS_DIR of another instance; default: that of the settings')
        .option('--concurrency <n>', concurrencyMeaning, concurrency, 4),
    async run(options) {
      const { configForDisk, drainDisk } = await import('./drain-disk.ts')
      await withDocuments(
        options,
        (needs) => drainDisk(needs, options),
        (config) => configForDisk(config, options.store),
      )
    },
  }),
]

function addMigrateOptions(command: Command): Command {
  return command
    .option('--dry-run', 'change nothing; count the files, and find missing and unreadable ones')
    .option('--concurrency <n>', concurrencyMeaning, concurrency, 8)
    .option('--rate <megabytes>', 'maximum number of megabytes per second', parseAs(megabytes))
    .option('--firm <id>', 'only the documents of this firm', parseFirmId)
    .option('--delete-source', 'also remove each source, one day after its move')
    .option('--report <file>', 'append a JSON line for each document to this file')
}

async function migrate(to: StoreName, options: MigrateOptions): Promise<void> {
  const { migrateDocuments } = await import('./migrate-documents.ts')
  await withDocuments(
    options,
    (needs) => migrateDocuments(needs, to, options),
    async (config) => {
      await assertReportWritable(options.report)
      return config
    },
  )
}
