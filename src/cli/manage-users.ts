import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import { findAccountByEmail } from '../database/accounts.ts'
import { systemActor } from '../database/events.ts'
import { AppError, isAppError } from '../errors.ts'
import { createAccount } from '../people/create-account.ts'
import { removePasswordFile } from '../people/ensure-administrator.ts'
import { makePasswords } from '../people/passwords.ts'
import { setPassword } from '../people/set-password.ts'
import type { Printer } from './printer.ts'
import type { NewPerson } from './program.ts'
import { requireAccount } from './require-account.ts'
import { withDatabase } from './with-database.ts'

type Needs = {
  config: ConfigWithoutTokens
  log: Logger
  print: Printer
  signal: AbortSignal
  /** Called once it is known that the password would be of use: nobody types one twice for nothing. */
  readPassword: () => Promise<string>
}

export async function createUser(needs: Needs, { admin, ...person }: NewPerson): Promise<void> {
  const { print, readPassword } = needs
  const account = await withDatabase(needs, async ({ db }) => {
    if ((await findAccountByEmail(db, person.email)) !== undefined) throw thereAlready()
    return createAccount(
      { db, passwords: makePasswords() },
      { actor: systemActor(randomUUID()), by: 'command' },
      { ...person, role: admin ? 'admin' : 'user', isVerified: true },
      await readPassword(),
    )
  }).catch((error: unknown) => {
    // What the person themself would be told, to log in, is of no use to whoever makes accounts.
    throw isAppError(error, 'conflict') ? thereAlready(error) : error
  })
  print.answer({ id: account.id, email: account.email, role: account.role })
  print.say(
    `${print.paint('green', '✓')} ${account.email} can log in${admin ? ', and is an administrator of the platform' : ''}.`,
  )
}

export async function giveNewPassword(needs: Needs, email: string): Promise<void> {
  const { config, print, readPassword } = needs
  const person = await withDatabase(needs, async ({ db }) => {
    await requireAccount(db, email)
    return setPassword({ db, passwords: makePasswords(), now: () => new Date() }, systemActor(randomUUID()), {
      email,
      password: await readPassword(),
    })
  })
  if (config.database.kind === 'embedded') await removePasswordFile(config.dataDir, person.email)
  print.answer({ id: person.id, email: person.email })
  print.say(`${print.paint('green', '✓')} ${person.email} has a new password; their sessions are ended.`)
}

function thereAlready(cause?: unknown): AppError {
  return new AppError(
    'conflict',
    'There is an account with this e-mail already; users set-password gives it a new password.',
    { cause },
  )
}
