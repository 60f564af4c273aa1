import { randomUUID } from 'node:crypto'

import { type Account, insertAccount } from '../database/accounts.ts'
import type { Db, Tx } from '../database/client.ts'
import { recordEvent, systemActor } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { takenColumn } from '../database/postgres-errors.ts'
import { AppError } from '../errors.ts'
import type { Passwords } from './passwords.ts'

export type NewPerson = {
  email: string
  firstName: string
  lastName: string
  phone?: string | undefined
  role: 'user' | 'admin'
  /** False where the platform verifies people first. */
  isVerified: boolean
}

type Needs = { db: Db; passwords: Passwords }

/**
 * By nobody who is known here: the command line, or a start. Throws `conflict` when the e-mail or the phone is taken,
 * `validation_failed` for a password out of bounds.
 */
export async function createAccount({ db, passwords }: Needs, person: NewPerson, password: string): Promise<Account> {
  const passwordHash = await passwords.hash(password)
  return await inTransaction(db, (trx) => createAccountWithin(trx, person, passwordHash))
}

/** The same within a transaction, which must not wait while a password is hashed. */
export async function createAccountWithin(trx: Tx, person: NewPerson, passwordHash: string): Promise<Account> {
  const account = await addAccount(trx, person, passwordHash)
  const details = { user_id: account.id, role: account.role }
  await recordEvent(trx, systemActor(randomUUID()), { action: 'account.created', outcome: 'ok', details })
  return account
}

/** For who writes down themself who did it. Throws as the others. */
export async function addAccount(trx: Tx, person: NewPerson, passwordHash: string): Promise<Account> {
  const account = await insertAccount(trx, {
    ...person,
    email: person.email.toLowerCase(),
    phone: person.phone,
    passwordHash,
  }).catch((error: unknown) => {
    if (takenColumn(error, ['phone']) === undefined) throw error
    throw new AppError('conflict', 'This phone number belongs to another account.', { cause: error })
  })
  if (account === undefined)
    throw new AppError('conflict', 'There is an account with this e-mail already. Log in instead.')
  return account
}
