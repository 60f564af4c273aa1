import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import { AppError, isAppError } from '../errors.ts'
import { createAccount } from '../people/create-account.ts'
import { removePasswordFile } from '../people/ensure-administrator.ts'
import { makePasswords } from '../people/passwords.ts'
import { setPassword } from '../people/set-password.ts'
import type { Printer } from './printer.ts'
import type { NewPerson } from './program.ts'
import { withDatabase } from './with-database.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; print: Printer }

export async function createUser(needs: Needs, { admin, ...person }: NewPerson, password: string): Promise<void> {
  const { print } = needs
  const account = await withDatabase(needs, async ({ db }) =>
    createAccount(
      { db, passwords: makePasswords() },
      { ...person, role: admin ? 'admin' : 'user', isVerified: true },
      password,
    ),
  ).catch((error: unknown) => {
    throw isAppError(error, 'conflict') ? forOperator(error) : error
  })
  print.answer({ id: account.id, email: account.email, role: account.role })
  print.say(
    `${print.paint('green', '✓')} ${account.email} can log in${admin ? ', and is an administrator of the platform' : ''}.`,
  )
}

export async function giveNewPassword(needs: Needs, email: string, password: string): Promise<void> {
  const { config, print } = needs
  const person = await withDatabase(needs, async ({ db }) =>
    setPassword({ db, passwords: makePasswords(), now: () => new Date() }, { email, password }),
  )
  if (config.database.kind === 'embedded') await removePasswordFile(config.dataDir, person.email)
  print.answer({ id: person.id, email: person.email })
  print.say(`${print.paint('green', '✓')} ${person.email} has a new password; their sessions are ended.`)
}

/** What the person themself would be told, to log in, is of no use to whoever makes accounts. */
function forOperator(cause: AppError): AppError {
  return new AppError(
    'conflict',
    'There is an account with this e-mail already; users set-password gives it a new password.',
    { cause },
  )
}
