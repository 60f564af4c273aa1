import { Command } from 'commander'

import { issuerText, subjectText } from '../contract/identities.ts'
import { loginBody, registerBody } from '../contract/people.ts'
import { addAudit, type AuditActions } from './audit/add-audit.ts'
import { addBackup, type BackupActions } from './backup/add-backup.ts'
import { addCost, type CostActions } from './costs/add-cost.ts'
import { addS3, type S3Actions } from './s3/add-s3.ts'
import { addDocuments, addPurge, type DocumentActions } from './storage/add-documents.ts'
import {
  addJsonOption,
  type OutputOptions,
  describeOption,
  fullName,
  leavesOf,
  parseAs,
  addExample,
} from './command/describe-command.ts'

export type NewPerson = { email: string; firstName: string; lastName: string; admin?: true }
type PasswordSource = { passwordStdin?: true }

/** What the commands do, one function each; the program knows only how they are asked for. */
export type Actions = S3Actions &
  DocumentActions &
  AuditActions &
  BackupActions &
  CostActions &
  IdentityActions & {
    serve: (options: { jobs: boolean }) => Promise<void>
    work: () => Promise<void>
    createUser: (options: NewPerson & PasswordSource & OutputOptions) => Promise<void>
    setPassword: (options: { email: string } & PasswordSource & OutputOptions) => Promise<void>
    migrateDatabase: (options: OutputOptions) => Promise<void>
  }

const threeCommands = `
Most people need three:
  $ npm start                        starts the service; it prints where it answers and what to try next
  $ ./bin/paniq-docs s3 test         says whether the settings reach the bucket, and what to do if not
  $ ./bin/paniq-docs users create --admin --email you@example.com --first-name You --last-name Yourself

Settings come from the environment and from .env in the working directory: see docs/configuration.md.
Exit status: 0 done, 1 failed, 2 asked for in a wrong way.
Ctrl-C ends each of them safely: what is done stays, and it may be run again. Once more ends it at once.`

const { email, first_name: name } = registerBody.shape
// An account that the platform made need not have an e-mail of our form.
const { email: knownEmail } = loginBody.shape

/** The command line as commander understands it. docs/commands.md is held against this by a test. */
export function buildProgram(actions: Actions, version: string): Command {
  const program = new Command('paniq-docs')
    .description('Keeps the papers of security firms: the service and its tools.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show how a command is used')
    .addHelpText('after', threeCommands)
    .configureHelp({ visibleCommands: leavesOf, subcommandTerm: fullName, optionDescription: describeOption })

  addRunning(program, actions)
  addS3(program, actions)
  addDocuments(program, actions)
  addBackup(program, actions)
  addPurge(program, actions)
  addUsers(program, actions)
  addDatabase(program, actions)
  addAudit(program, actions)
  addCost(program, actions)
  return program
}

function addRunning(program: Command, actions: Actions): void {
  const serve = program
    .command('serve')
    .description('Start the API, and the jobs behind it, until it is told to end (Ctrl-C).')
    .option('--no-jobs', 'the API alone, where `work` runs apart')
    .action(actions.serve)
  addExample(serve, 'PORT=8001 ./bin/paniq-docs serve')

  const work = program
    .command('work')
    .description('Run the jobs alone, beside any number of `serve --no-jobs`, until it is told to end (Ctrl-C).')
    .action(actions.work)
  addExample(work, './bin/paniq-docs work')
}

function addUsers(program: Command, actions: Actions): void {
  const users = program.command('users').description('People who can log in.')
  const create = addJsonOption(users.command('create'))
    .description('Make an account. The password is asked for, or read from standard input.')
    .requiredOption('--email <address>', 'what the person logs in with', parseAs(email))
    .requiredOption('--first-name <name>', 'first name', parseAs(name))
    .requiredOption('--last-name <name>', 'last name', parseAs(name))
    .option('--admin', 'make the person an administrator of the platform')
    .option('--password-stdin', 'read the password from standard input')
    .action(actions.createUser)
  addExample(create, './bin/paniq-docs users create --email thandi@example.com --first-name Thandi --last-name Nkosi')

  const setPassword = addJsonOption(users.command('set-password'))
    .description(
      'Give a person a new password, which ends their sessions. It is asked for, or read from standard input.',
    )
    .requiredOption('--email <address>', 'whose password', parseAs(knownEmail))
    .option('--password-stdin', 'read the password from standard input')
    .action(actions.setPassword)
  addExample(
    setPassword,
    './bin/paniq-docs users set-password --email thandi@example.com --password-stdin < password.txt',
  )

  addIdentities(users, actions)
}

function addDatabase(program: Command, actions: Actions): void {
  const db = program.command('db').description('The database.')
  const migrate = addJsonOption(db.command('migrate'))
    .description('Bring the tables up to this version, as every start does by itself; a second run changes nothing.')
    .action(actions.migrateDatabase)
  addExample(migrate, './bin/paniq-docs db migrate')
}

export type NamedSubject = { subject: string; issuer?: string }

type IdentityActions = {
  linkIdentity: (options: NamedSubject & { email: string } & OutputOptions) => Promise<void>
  unlinkIdentity: (options: NamedSubject & OutputOptions) => Promise<void>
}

/** The commands of `users` that tell which login of an OpenID provider is whose. */
function addIdentities(users: Command, actions: IdentityActions): void {
  const link = addJsonOption(users.command('link'))
    .description('Link a login of an OpenID provider to a person, whose it is from the next request on.')
    .requiredOption('--email <address>', 'whose it is', parseAs(loginBody.shape.email))
    .requiredOption('--subject <text>', 'what the provider calls them: sub in its tokens', parseAs(subjectText))
    .option('--issuer <url>', 'the provider, if it is not that of JWT_ISSUER', parseAs(issuerText))
    .action(actions.linkIdentity)
  addExample(link, './bin/paniq-docs users link --email thandi@example.com --subject 248289761001')

  const unlink = addJsonOption(users.command('unlink'))
    .description(
      'Take a login of an OpenID provider from its person: nobody comes in with it from the next request on.',
    )
    .requiredOption('--subject <text>', 'what the provider calls them: sub in its tokens', parseAs(subjectText))
    .option('--issuer <url>', 'the provider, if it is not that of JWT_ISSUER', parseAs(issuerText))
    .action(actions.unlinkIdentity)
  addExample(unlink, './bin/paniq-docs users unlink --subject 248289761001')
}
