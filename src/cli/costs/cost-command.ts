import { whole } from '../../config/setting-formats.ts'
import { defineCommand, type OutputOptions, parseAs, parseFirmId } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'

export type CostOptions = OutputOptions & {
  firm?: string
  days: number
  noncurrentDays: number
  iaAfter?: number
  moveSmall?: true
  free?: true
  prices?: string
}

export const costCommand = defineCommand<CostOptions>({
  path: 'cost estimate',
  summary: 'Estimate what documents cost on S3 per month.',
  description:
    'Estimate what the documents of all firms, or of one firm, cost on S3 per month: storage by class, requests and transfer. The estimate uses the sizes, ages and downloads in the database, with and without a lifecycle, and with and without CloudFront. Documents on a disk count as if they were on S3. The command does not contact Amazon.',
  example: './bin/paniq-docs cost estimate --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b',
  json: 'object',
  configure: (command) =>
    command
      .option('--firm <id>', 'only the documents of this firm', parseFirmId)
      .option('--days <n>', 'count the uploads and downloads of this many days', parseAs(whole(1, 366)), 30)
      .option(
        '--noncurrent-days <n>',
        'number of days after which the lifecycle destroys removed files',
        parseAs(whole(1, 3650)),
        90,
      )
      .option(
        '--ia-after <days>',
        'number of days after which the lifecycle moves current files to STANDARD_IA; default: never',
        parseAs(whole(30, 3650)),
      )
      .option('--move-small', 'the lifecycle also moves files under 128 KB, which S3 does not by default')
      .option('--free', 'subtract the monthly free tier of an account, as if nothing else used it')
      .option('--prices <file>', 'a file of prices in the form of src/documents/costs/prices.json; default: that file'),
  async run(options) {
    if (options.moveSmall === true && options.iaAfter === undefined && options.noncurrentDays < 60)
      throw new WrongUse(
        '--move-small needs a lifecycle that moves files: give --ia-after, or --noncurrent-days 60 or more.',
      )
    await withSettings(options, async (needs) => {
      const { estimateCost } = await import('./estimate-cost.ts')
      await estimateCost(needs, options)
    })
  },
})
