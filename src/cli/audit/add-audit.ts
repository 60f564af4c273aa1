import type { Command } from 'commander'
import { z } from 'zod'

import { addJsonOption, type OutputOptions, parseAs, parseFirmId, addExample } from '../command/describe-command.ts'

export type VerifyAuditOptions = OutputOptions & { export?: string; heads?: string }
export type ExportAuditOptions = OutputOptions & {
  output: string
  firm?: string
  from?: string
  to?: string
  format: 'jsonl' | 'csv'
}

export type AuditActions = {
  verifyAudit: (options: VerifyAuditOptions) => Promise<void>
  exportAudit: (options: ExportAuditOptions) => Promise<void>
}

const format = z.enum(['jsonl', 'csv'], 'must be jsonl or csv')
const moment = z
  .union(
    [z.iso.datetime({ offset: true }), z.iso.date()],
    'must be a day such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z',
  )
  .transform((text) => new Date(text).toISOString())

/** The commands that show that the history was not altered. */
export function addAudit(program: Command, actions: AuditActions): void {
  const audit = program.command('audit').description('The audit trail.')
  const verify = addJsonOption(audit.command('verify'))
    .summary('Show that nobody altered the audit trail.')
    .description(
      'Compare every event of the audit trail with the seals, and those with the heads that AUDIT_HEADS keeps outside of the database. With --export a file of `audit export` is compared instead, without the database.',
    )
    .option('--export <file>', 'a file that `audit export` wrote, instead of the database')
    .option('--heads <file>', 'a file of heads, instead of what AUDIT_HEADS names')
    .action(actions.verifyAudit)
  addExample(verify, './bin/paniq-docs audit verify --export trail.jsonl --heads heads.jsonl')

  const exporting = addJsonOption(audit.command('export'))
    .summary('Write the audit trail into a file.')
    .description(
      'Write events of the audit trail into a new file: as JSON lines with the seals, so that `audit verify --export` can show that none was altered, or as CSV for people.',
    )
    .requiredOption('--output <file>', 'the file, which must not be there yet')
    .option('--firm <id>', 'the events of one firm alone', parseFirmId)
    .option('--from <time>', 'what happened from then on', parseAs(moment))
    .option('--to <time>', 'what happened before then', parseAs(moment))
    .option('--format <format>', 'jsonl or csv', parseAs(format), 'jsonl')
    .action(actions.exportAudit)
  addExample(
    exporting,
    './bin/paniq-docs audit export --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b --from 2026-11-01 --output trail.jsonl',
  )
}
