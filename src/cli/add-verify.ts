import type { Command } from 'commander'
import { z } from 'zod'

import { whole } from '../config-forms.ts'
import { type Answers, answering, parseAs, teach } from './describe-command.ts'
import { WrongUse } from './explain-failure.ts'

export type VerifyOptions = Answers & {
  /** Of all versions: 0.05 of `5%`. Without it all are meant. */
  sample?: number
  /** False with `--no-read`. */
  read: boolean
  repair?: true
  many?: true
  concurrency: number
  report?: string
}

export type VerifyActions = { verify: (options: VerifyOptions) => Promise<void> }

const wrongShare = 'must be a percentage, more than 0% and at most 100%, such as 5%'
const share = z
  .string()
  .regex(/^\d+(\.\d+)?%$/, wrongShare)
  .transform((text) => Number.parseFloat(text) / 100)
  .refine((part) => part > 0 && part <= 1, wrongShare)
const concurrency = whole(1, 64)

export function addVerify(program: Command, actions: VerifyActions): void {
  const verify = answering(program.command('verify'))
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
  teach(verify, './bin/paniq-docs verify --sample 5%')
}
