import { z } from 'zod'

import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withDocuments } from '../command/run-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'

export type PurgeOptions = OutputOptions & {
  now?: true
  dryRun?: true
  document?: string[]
  reason?: string
}

const documentId = z.guid('must be the id of a document, a UUID').transform((id) => id.toLowerCase())
const reason = z.string().trim().min(1, 'must not be empty').max(2000, 'must be at most 2000 characters')

export const purgeCommand = defineCommand<PurgeOptions>({
  path: 'purge',
  summary: 'Destroy documents that have been in the trash for TRASH_DAYS.',
  description:
    'Destroy documents that have been in the trash for TRASH_DAYS, as a running service does every day: the rows now, the files a day later. Documents stay, and are named, while a legal hold or the retention of their type protects them, or while they are a firm’s last verified document of a required type. You can stop it (Ctrl-C) or kill it at any moment and run it again.',
  example:
    './bin/paniq-docs purge --dry-run\n  $ ./bin/paniq-docs purge --now --document 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b --reason "erasure request 17"',
  json: 'lines',
  configure: (command) =>
    command
      .option(
        '--now',
        'destroy the files at once, in every version the bucket has; needs permissions that the service does not have',
      )
      .option('--dry-run', 'change nothing; print which documents would be destroyed, and which stay and why')
      .option(
        '--document <id>',
        'only this document; with --now also before its days in the trash are over (repeatable)',
        collect,
      )
      .option(
        '--reason <text>',
        'the reason to record for each destroyed document; required with --document and --now',
        parseAs(reason),
      ),
  async run(options) {
    if (options.now === true && options.document !== undefined && options.reason === undefined)
      throw new WrongUse('--now with --document destroys a document early. Give the reason with --reason.')
    const { purgeDocuments } = await import('./purge-documents.ts')
    await withDocuments(options, (needs) => purgeDocuments(needs, options))
  },
})

function collect(text: string, before: string[] = []): string[] {
  return [...before, parseAs(documentId)(text)]
}
