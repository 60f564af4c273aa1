import { z } from 'zod'

import { defineCommand, type OutputOptions, parseAs, parseFirmId } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'

export type HoldTargetOptions = { document?: string; firm?: string }
type LiftOptions = OutputOptions & HoldTargetOptions & { reason: string }

const documentId = z.guid('must be the id of a document, a UUID').transform((id) => id.toLowerCase())
const reason = z.string().trim().min(1, 'must not be empty').max(2000, 'must be at most 2000 characters')

export const holdCommands = [
  defineCommand({
    path: 'hold list',
    description: 'List every legal hold: on a document or on all documents of a firm, who set it, when and why.',
    example: './bin/paniq-docs hold list',
    json: 'lines',
    async run(options) {
      const { listLegalHolds } = await import('./manage-holds.ts')
      await withSettings(options, (needs) => listLegalHolds(needs))
    },
  }),
  defineCommand<LiftOptions>({
    path: 'hold lift',
    summary: 'Lift a legal hold, as the second person.',
    description:
      'Lift a legal hold on a document or on a firm. An administrator cannot lift a hold that they set themselves: another one does, or an operator with this command. Only run it when the one who set the hold is not you.',
    example: './bin/paniq-docs hold lift --document 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b --reason closed',
    json: 'object',
    configure: (command) =>
      command
        .option('--document <id>', 'the document that is held', parseAs(documentId))
        .option('--firm <id>', 'the firm whose documents are all held', parseFirmId)
        .requiredOption('--reason <text>', 'the reason to record', parseAs(reason)),
    async run(options) {
      const { document, firm } = options
      if ((document === undefined) === (firm === undefined)) throw new WrongUse('Give either --document or --firm.')
      const { liftLegalHold } = await import('./manage-holds.ts')
      await withSettings(options, (needs) => liftLegalHold(needs, options))
    },
  }),
]
