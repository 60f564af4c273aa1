import { z } from 'zod'

import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'

export type RemindersOptions = OutputOptions & { asOf?: Date; dryRun?: true }

const time = z.iso
  .datetime({ offset: true, error: 'must be a time with its zone, such as 2027-03-31T08:00:00+02:00' })
  .transform((text) => new Date(text))

export const reminderCommands = [
  defineCommand<RemindersOptions>({
    path: 'reminders send',
    summary: 'Remind firms of documents that end soon, and record what has expired.',
    description:
      'Send what is due, as a running service does every day at 08:00 in South Africa: to the administrators of each firm one digest of the documents that end in 90, 60, 30, 14, 7 or 1 days or today, and the expiry of documents whose last day is over. Nothing is sent twice: you can kill it at any moment, run it twice at once and run it again.',
    example: './bin/paniq-docs reminders send --dry-run',
    json: 'object',
    configure: (command) =>
      command
        .option('--as-of <time>', 'what is due at this time instead of now', parseAs(time))
        .option('--dry-run', 'change and send nothing; print what would be sent'),
    async run(options) {
      const { sendRemindersNow } = await import('./send-reminders-now.ts')
      await withSettings(options, (needs) => sendRemindersNow(needs, options))
    },
  }),
]
