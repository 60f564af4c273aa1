import { type Command } from 'commander'
import { z } from 'zod'

import { type Answers, answering, parseAs, teach } from './describe-command.ts'
import { WrongUse } from './explain-failure.ts'

export type PurgeOptions = Answers & {
  now?: true
  dryRun?: true
  document: string[]
  reason?: string
}

export type PurgeActions = { purge: (options: PurgeOptions) => Promise<void> }

const documentId = z.guid('must be the id of a document, a UUID').transform((id) => id.toLowerCase())
const reason = z.string().trim().min(1, 'must not be empty').max(2000, 'must be at most 2000 characters')

export function addPurge(program: Command, actions: PurgeActions): void {
  const purge = answering(program.command('purge'), 'answer with JSON objects, one a line')
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
  teach(
    purge,
    './bin/paniq-docs purge --dry-run\n  $ ./bin/paniq-docs purge --now --document 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b --reason "erasure request 17"',
  )
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, parseAs(documentId)(text)]
}
