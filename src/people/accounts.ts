import { type Account, insertAccount } from '../database/accounts.ts'
import type { Db, Tx } from '../database/client.ts'
import { type EventActor, recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { takenColumn } from '../database/postgres-errors.ts'
import { AppError } from '../errors.ts'
import type { Visitor } from '../vocabulary.ts'
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

/** Whose doing it is: the person's own, whom nobody knows before; or a task's, the command line's or a start's. */
export type MadeBy = { visitor: Visitor } | { actor: EventActor; by: 'command' | 'start' }

/** Throws `conflict` when the e-mail or the phone is taken, `validation_failed` for a password out of bounds. */
export async function createAccount(
  { db, passwords }: Needs,
  madeBy: MadeBy,
  person: NewPerson,
  password: string,
): Promise<Account> {
  const passwordHash = await passwords.hash(password)
  return await inTransaction(db, (trx) => addAccount(trx, madeBy, person, passwordHash))
}

/** The same within a transaction, which must not wait while a password is hashed. */
export async function addAccount(trx: Tx, madeBy: MadeBy, person: NewPerson, passwordHash: string): Promise<Account> {
  const account = await insertNew(trx, person, passwordHash)
  await recordNew(trx, madeBy, account)
  return account
}

async function recordNew(trx: Tx, madeBy: MadeBy, { id, role }: Account): Promise<void> {
  if ('visitor' in madeBy)
    return recordEvent(trx, { ...madeBy.visitor, userId: id }, { action: 'account.registered', outcome: 'ok' })
  const details = { user_id: id, role, by: madeBy.by }
  await recordEvent(trx, madeBy.actor, { action: 'account.created', outcome: 'ok', details })
}

async function insertNew(trx: Tx, person: NewPerson, passwordHash: string): Promise<Account> {
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
