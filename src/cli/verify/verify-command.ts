import { z } from 'zod'

import { whole } from '../../config/setting-formats.ts'
import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withApp } from '../command/run-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import { assertReportWritable } from '../printing/write-report.ts'

export type VerifyOptions = OutputOptions & {
  /** Share of all versions: 0.05 for `5%`. Default: all. */
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

export const verifyCommand = defineCommand<VerifyOptions>({
  path: 'verify',
  summary: 'Compare the rows with the files, on this disk and on S3.',
  description:
    'Read every byte of every document on this disk and on S3, and report missing files, corrupt files and orphans (files that no row names). Corrupt files are no longer served; files that are intact again are. It may run while the service runs. If you stop it (Ctrl-C), it says nothing about the rest, and the next run starts over.',
  example: './bin/paniq-docs verify --sample 5%',
  json: 'object',
  configure: (command) =>
    command
      .option(
        '--sample <share>',
        'check a random share of the documents, such as 5%, different each time',
        parseAs(share),
      )
      .option('--no-read', 'check only presence and length, which is fast and finds less')
      .option('--repair', 'quarantine orphans older than a day, and abort orphan uploads older than a day')
      .option('--many', 'with --repair: also when orphans are more than 100 or 1 % of the files')
      .option('--concurrency <n>', 'number of files to check at once', parseAs(whole(1, 64)), 4)
      .option('--report <file>', 'write a JSON line for each finding to this file'),
  async run(options) {
    if (options.many === true && options.repair !== true) throw new WrongUse('--many works only with --repair.')
    await assertReportWritable(options.report)
    await withApp(options, async (needs) => {
      const { verifyDocuments } = await import('./verify-documents.ts')
      await verifyDocuments(needs, options)
    })
  },
})
