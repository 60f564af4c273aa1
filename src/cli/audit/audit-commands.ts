import { z } from 'zod'

import { defineCommand, type OutputOptions, parseAs, parseFirmId } from '../command/define-command.ts'
import { withApp, withSettings } from '../command/run-command.ts'

export type VerifyAuditOptions = OutputOptions & { export?: string; heads?: string }
export type ExportAuditOptions = OutputOptions & {
  output: string
  firm?: string
  from?: string
  to?: string
  format: 'jsonl' | 'csv'
}

const format = z.enum(['jsonl', 'csv'], 'must be jsonl or csv')
const moment = z
  .union(
    [z.iso.datetime({ offset: true }), z.iso.date()],
    'must be a day such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z',
  )
  .transform((text) => new Date(text).toISOString())

export const auditCommands = [
  defineCommand<VerifyAuditOptions>({
    path: 'audit verify',
    summary: 'Prove that nobody altered the audit trail.',
    description:
      'Compare every event of the audit trail with the seals, and the seals with the heads that AUDIT_HEADS stores outside the database. With --export, verify a file of `audit export` instead, without the database.',
    example: './bin/paniq-docs audit verify --export trail.jsonl --heads heads.jsonl',
    json: 'object',
    configure: (command) =>
      command
        .option('--export <file>', 'verify a file that `audit export` wrote, instead of the database')
        .option('--heads <file>', 'read the heads from this file, instead of AUDIT_HEADS'),
    async run(options) {
      const { verifyAudit, verifyAuditExport } = await import('./verify-audit.ts')
      const { export: file } = options
      if (file === undefined) return withApp(options, (needs) => verifyAudit(needs, options))
      const { openHeadStore } = await import('../../audit/seal-heads.ts')
      return withSettings(options, ({ config, log, print }) =>
        verifyAuditExport({ print, heads: openHeadStore(config, log) }, file, options),
      )
    },
  }),
  defineCommand<ExportAuditOptions>({
    path: 'audit export',
    summary: 'Write the audit trail to a file.',
    description:
      'Write events of the audit trail to a new file: as JSON lines with the seals, which `audit verify --export` can verify, or as CSV for people.',
    example:
      './bin/paniq-docs audit export --firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b --from 2026-11-01 --output trail.jsonl',
    json: 'object',
    configure: (command) =>
      command
        .requiredOption('--output <file>', 'the file to write, which must not exist yet')
        .option('--firm <id>', 'only the events of this firm', parseFirmId)
        .option('--from <time>', 'only events at or after this time', parseAs(moment))
        .option('--to <time>', 'only events before this time', parseAs(moment))
        .option('--format <format>', 'jsonl or csv', parseAs(format), 'jsonl'),
    async run(options) {
      const { exportAudit } = await import('./export-audit.ts')
      await withApp(options, (needs) => exportAudit(needs, options))
    },
  }),
]
