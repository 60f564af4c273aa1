import type { Command } from 'commander'

import { issuerText, subjectText } from '../../contract/identities.ts'
import { loginBody, registerBody } from '../../contract/people.ts'
import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { withSettings } from '../command/run-command.ts'
import { passwordReader } from '../printing/ask-on-terminal.ts'

type PasswordSource = { passwordStdin?: true }
export type NewPerson = { email: string; firstName: string; lastName: string; admin?: true }
export type NamedSubject = { subject: string; issuer?: string }

const { email, first_name: name } = registerBody.shape
// An account that the platform created may have an e-mail of another form.
const knownEmail = parseAs(loginBody.shape.email)

export const userCommands = [
  defineCommand<NewPerson & PasswordSource & OutputOptions>({
    path: 'users create',
    description: 'Create an account. Asks for the password, or reads it from standard input.',
    example: './bin/paniq-docs users create --email thandi@example.com --first-name Thandi --last-name Nkosi',
    json: 'object',
    configure: (command) =>
      command
        .requiredOption('--email <address>', 'the e-mail to log in with', parseAs(email))
        .requiredOption('--first-name <name>', 'first name', parseAs(name))
        .requiredOption('--last-name <name>', 'last name', parseAs(name))
        .option('--admin', 'make the person an administrator of the platform')
        .option('--password-stdin', 'read the password from standard input'),
    async run(options) {
      const { createUser } = await import('./manage-users.ts')
      const readPassword = passwordReader(options.email, options)
      await withSettings(options, (needs) => createUser({ ...needs, readPassword }, options))
    },
  }),
  defineCommand<{ email: string; temporary?: true } & PasswordSource & OutputOptions>({
    path: 'users set-password',
    description:
      'Set a new password for a person and end their sessions: the way back for one who forgot it where SMTP_URL is not set. Asks for the password, or reads it from standard input.',
    example:
      './bin/paniq-docs users set-password --email thandi@example.com --temporary --password-stdin < password.txt',
    json: 'object',
    configure: (command) =>
      command
        .requiredOption('--email <address>', 'the e-mail of the account', knownEmail)
        .option('--temporary', 'the person must change it at the next login')
        .option('--password-stdin', 'read the password from standard input'),
    async run(options) {
      const { setUserPassword } = await import('./manage-users.ts')
      const readPassword = passwordReader(options.email, options)
      await withSettings(options, (needs) =>
        setUserPassword({ ...needs, readPassword }, { email: options.email, isTemporary: options.temporary === true }),
      )
    },
  }),
  defineCommand<OutputOptions, [string]>({
    path: 'users reset-second-factor',
    description:
      'Remove the authenticator app, the passkeys and the recovery codes of a person who lost them, and end their sessions.',
    example: './bin/paniq-docs users reset-second-factor thandi@example.com',
    json: 'object',
    configure: (command) => command.argument('<email>', 'the e-mail of the account', knownEmail),
    async run(options, whose) {
      const { resetUserSecondFactor } = await import('./manage-users.ts')
      await withSettings(options, (needs) => resetUserSecondFactor(needs, whose))
    },
  }),
  defineCommand<NamedSubject & { email: string } & OutputOptions>({
    path: 'users link',
    description: 'Link a login of an OpenID provider to an account, from the next request on.',
    example: './bin/paniq-docs users link --email thandi@example.com --subject 248289761001',
    json: 'object',
    configure: (command) =>
      addSubject(command.requiredOption('--email <address>', 'the e-mail of the account', knownEmail)),
    async run(options) {
      const { linkUser } = await import('./manage-users.ts')
      await withSettings(options, (needs) => linkUser(needs, options))
    },
  }),
  defineCommand<NamedSubject & OutputOptions>({
    path: 'users unlink',
    description: 'Unlink a login of an OpenID provider from its account: the login is denied from the next request on.',
    example: './bin/paniq-docs users unlink --subject 248289761001',
    json: 'object',
    configure: addSubject,
    async run(options) {
      const { unlinkUser } = await import('./manage-users.ts')
      await withSettings(options, (needs) => unlinkUser(needs, options))
    },
  }),
]

function addSubject(command: Command): Command {
  return command
    .requiredOption('--subject <text>', 'the provider’s id of the person: sub in its tokens', parseAs(subjectText))
    .option('--issuer <url>', 'the provider; default: JWT_ISSUER', parseAs(issuerText))
}
