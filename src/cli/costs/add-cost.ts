import { type Command } from 'commander'

import { whole } from '../../config/setting-formats.ts'
import { addJsonOption, type OutputOptions, parseAs, parseFirmId, addExample } from '../command/describe-command.ts'
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

export type CostActions = { estimateCost: (options: CostOptions) => Promise<void> }

export function addCost(program: Command, actions: CostActions): void {
  const cost = program.command('cost').description('What it costs.')
  const estimate = addJsonOption(cost.command('estimate'))
    .summary('Estimate what papers cost on S3 in a month.')
    .description(
      'Estimate what the papers of all firms, or of one, cost on S3 in a month: storage by class, requests and transfer, out of what the tables say of their sizes, ages and downloads; with and without a lifecycle, and with and without CloudFront. Papers on a disk count as if they lay on S3. Amazon is not asked.',
    )
    .option('--firm <id>', 'the papers of one firm alone', parseFirmId)
    .option('--days <n>', 'over how many days uploads and downloads are counted', parseAs(whole(1, 366)), 30)
    .option(
      '--noncurrent-days <n>',
      'after how many days the lifecycle destroys what was removed',
      parseAs(whole(1, 3650)),
      90,
    )
    .option(
      '--ia-after <days>',
      'after how many days it moves papers that are kept to STANDARD_IA; without it, never',
      parseAs(whole(30, 3650)),
    )
    .option('--move-small', 'it also moves files under 128 KB, which S3 leaves where they are unless told otherwise')
    .option('--free', 'take off what an account has free each month, as if nothing else used it')
    .option('--prices <file>', 'a file of prices in the form of src/documents/costs/prices.json, instead of that one')
    .action(async (options: CostOptions) => {
      if (options.moveSmall === true && options.iaAfter === undefined && options.noncurrentDays < 60)
        throw new WrongUse(
          '--move-small needs something that moves: give --ia-after, or at least 60 --noncurrent-days.',
        )
      await actions.estimateCost(options)
    })
  addExample(estimate, './bin/paniq-docs cost estimate --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b')
}
