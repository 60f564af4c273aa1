import { Command } from 'commander'

import { auditCommands } from './audit/audit-commands.ts'
import { backupCommands } from './backup/backup-commands.ts'
import {
  addCommand,
  type CommandDefinition,
  defineCommand,
  describeOption,
  fullName,
  leavesOf,
  type RunCommand,
} from './command/define-command.ts'
import { withSettings } from './command/run-command.ts'
import { costCommand } from './costs/cost-command.ts'
import { mailCommands } from './mail/mail-commands.ts'
import { holdCommands } from './hold/hold-commands.ts'
import { reminderCommands } from './reminders/reminder-commands.ts'
import { purgeCommand } from './purge/purge-command.ts'
import { s3Commands } from './s3/s3-commands.ts'
import { movingCommands } from './storage/moving-commands.ts'
import { personalDataCommands } from './users/personal-data-commands.ts'
import { userCommands } from './users/user-commands.ts'
import { verifyCommand } from './verify/verify-command.ts'

const migrateDatabaseCommand = defineCommand({
  path: 'db migrate',
  description: 'Migrate the tables to this version, as every start does; a second run changes nothing.',
  example: './bin/paniq-docs db migrate',
  json: 'object',
  run: (options) =>
    withSettings(options, async (needs) => {
      const { migrateDatabase } = await import('./command/with-database.ts')
      await migrateDatabase(needs)
    }),
})

/** The commands that run to an end, in the order of the help. bin/ adds those of the service. */
export const toolCommands = [
  ...s3Commands,
  ...movingCommands,
  verifyCommand,
  ...backupCommands,
  purgeCommand,
  ...holdCommands,
  ...userCommands,
  ...personalDataCommands,
  ...reminderCommands,
  ...mailCommands,
  migrateDatabaseCommand,
  ...auditCommands,
  costCommand,
]

const groups: Record<string, string> = {
  s3: 'Test and configure the bucket.',
  migrate: 'Move every document from one store to the other.',
  backup: 'Create, verify and restore backups.',
  hold: 'List and lift legal holds.',
  users: 'Manage accounts.',
  reminders: 'Remind firms of documents that end soon.',
  mail: 'Test the mail server, list and resend undelivered mail.',
  db: 'Manage the database.',
  audit: 'Verify and export the audit trail.',
  cost: 'Estimate costs.',
}

const firstCommands = `
Start with these three:
  $ npm start                        start the service; it prints its address and what to try next
  $ ./bin/paniq-docs s3 test         check whether the settings reach the bucket, and what to do if not
  $ ./bin/paniq-docs users create --admin --email you@example.com --first-name You --last-name Yourself

Settings come from the environment and from .env in the working directory: see docs/configuration.md.
Exit status: 0 success, 1 failure, 2 usage error.
Ctrl-C stops any command safely: finished work stays, and you can run the command again. A second Ctrl-C stops it at once.`

/** Builds the command line. `run` is for tests, which may call something else than the command. */
export function buildProgram(
  commands: CommandDefinition[],
  version: string,
  run: RunCommand = (command, options, given) => command.run(options, ...given),
): Command {
  const program = new Command('paniq-docs')
    .description('Paniq Documents: the document store of security firms, and its tools.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print the usage of a command')
    .addHelpText('after', firstCommands)
    .configureHelp({ visibleCommands: leavesOf, subcommandTerm: fullName, optionDescription: describeOption })
  for (const command of commands) addCommand(groupOf(program, command.path), command, run)
  return program
}

function groupOf(program: Command, path: string): Command {
  const [name = '', ...rest] = path.split(' ')
  if (rest.length === 0) return program
  const group = program.commands.find((each) => each.name() === name)
  return group ?? program.command(name).description(groups[name] ?? '')
}
