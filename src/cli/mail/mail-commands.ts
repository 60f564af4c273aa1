import { z } from 'zod'

import { registerBody } from '../../contract/people.ts'
import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'

const mailId = parseAs(z.guid('must be the id of a mail, a UUID').transform((id) => id.toLowerCase()))

export const mailCommands = [
  defineCommand<OutputOptions, [string]>({
    path: 'mail test',
    summary: 'Send a test mail now, and explain what is wrong if it fails.',
    description:
      'Send a test mail now through SMTP_URL, and print each step: the name of the server, the connection, TLS, the login, the sender, the recipient, the mail itself. The step that fails says what to do.',
    example: './bin/paniq-docs mail test you@example.com',
    json: 'object',
    configure: (command) =>
      command.argument('<address>', 'the recipient of the test mail', parseAs(registerBody.shape.email)),
    async run(options, address) {
      const { testMailServer } = await import('./test-mail-server.ts')
      await withSettings(options, (needs) => testMailServer(needs, address))
    },
  }),
  defineCommand({
    path: 'mail list',
    description: 'List the mails that were not delivered, newest first: those that wait and those that were given up.',
    example: './bin/paniq-docs mail list',
    json: 'lines',
    async run(options) {
      const { listMails } = await import('./manage-mails.ts')
      await withSettings(options, listMails)
    },
  }),
  defineCommand<OutputOptions & { all?: true }, [string | undefined]>({
    path: 'mail retry',
    description: 'Send an undelivered mail again now, also one that was given up. The running service sends it.',
    example: './bin/paniq-docs mail retry --all',
    json: 'object',
    configure: (command) =>
      command
        .argument('[id]', 'the id of the mail in `mail list`', mailId)
        .option('--all', 'send every undelivered mail again'),
    async run(options, id) {
      if ((id === undefined) !== (options.all === true))
        throw new WrongUse('Name the id of one mail from `mail list`, or use --all.')
      const { retryMailsNow } = await import('./manage-mails.ts')
      await withSettings(options, (needs) => retryMailsNow(needs, id))
    },
  }),
]
