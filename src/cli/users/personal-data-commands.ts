import { z } from 'zod'

import { loginBody } from '../../contract/people.ts'
import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'
import { confirmer } from '../printing/ask-on-terminal.ts'

export type ErasePersonOptions = OutputOptions & { evenLastAdmin?: true; yes?: true }
export type ExportPersonOptions = OutputOptions & { output: string }

/** An id, or the e-mail of an account; the platform may have stored one of another form. */
const person = parseAs(z.union([z.guid().transform((id) => id.toLowerCase()), loginBody.shape.email]))

export const personalDataCommands = [
  defineCommand<ExportPersonOptions, [string]>({
    path: 'users export',
    summary: 'Write all data that the service stores about a person to a file.',
    description:
      'Write all data that the service stores about a person to a new JSON file, which only this user may read. It has no secrets and no content of documents.',
    example: './bin/paniq-docs users export thandi@example.com --output thandi.json',
    json: 'object',
    configure: (command) =>
      command
        .argument('<person>', 'the e-mail of the account, or the id', person)
        .requiredOption('--output <file>', 'the file to write, which must not exist yet'),
    async run(options, whose) {
      const { exportPersonTo } = await import('./personal-data.ts')
      await withSettings(options, (needs) => exportPersonTo(needs, whose, options))
    },
  }),
  defineCommand<ErasePersonOptions, [string]>({
    path: 'users erase',
    summary: 'Erase a person for good.',
    description:
      'Erase a person for good: what names them, their sessions, memberships and keys, and the addresses of their audit events. Their documents stay with the firm. On tables that the platform made, the account and its memberships stay too. Asks for the person again, unless --yes is given.',
    example: './bin/paniq-docs users erase thandi@example.com',
    json: 'object',
    configure: (command) =>
      command
        .argument('<person>', 'the e-mail of the account, or the id', person)
        .option('--even-last-admin', 'also if a firm then has no active firm_admin')
        .option('--yes', 'do not ask'),
    async run(options, whose) {
      const { erasePersonHere } = await import('./personal-data.ts')
      const confirm = confirmer(options)
      await withSettings(options, (needs) => erasePersonHere({ ...needs, confirm }, whose, options))
    },
  }),
]
