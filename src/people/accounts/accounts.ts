import { type Account, findAccountByEmail, insertAccount, setPasswordHash } from '../../database/people/accounts.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { hasAdoptedPlatformTables } from '../../database/schema/installation.ts'
import { endSessionsOf } from '../../database/people/sessions.ts'
import { digestEmail, removeFailures } from '../../database/people/login-lockout.ts'
import { takenColumn } from '../../database/connection/postgres-errors.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Clock, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { type LogInNeeds, startSession } from '../sessions/log-in.ts'
import type { Passwords } from '../sessions/passwords.ts'
import type { Tokens } from '../sessions/tokens.ts'

export type NewPerson = {
  email: string
  firstName: string
  lastName: string
  phone?: string | undefined
  role: 'user' | 'admin'
  /** False if the platform must verify the person first. */
  isVerified: boolean
}

type Needs = { db: Db; passwords: Passwords }

/** The creator: the person, or the command line or a start. */
type CreatedBy = { visitor: Visitor } | { actor: EventActor; by: 'command' | 'start' }

/** Throws `conflict` if the e-mail or the phone is taken, `validation_failed` for a password of a wrong length. */
export async function createAccount(
  { db, passwords }: Needs,
  createdBy: CreatedBy,
  person: NewPerson,
  password: string,
): Promise<Account> {
  const passwordHash = await passwords.hash(password)
  return await inTransaction(db, (trx) => addAccount(trx, createdBy, person, passwordHash))
}

/** Like `createAccount`, within a transaction: it takes the hash, since hashing is slow. */
export async function addAccount(
  trx: Tx,
  madeBy: CreatedBy,
  person: NewPerson,
  passwordHash: string,
): Promise<Account> {
  const account = await insertNew(trx, person, passwordHash)
  await recordNew(trx, madeBy, account)
  return account
}

async function recordNew(trx: Tx, madeBy: CreatedBy, { id, role }: Account): Promise<void> {
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

export type Registration = {
  email: string
  password: string
  firstName: string
  lastName: string
  phone: string | undefined
}

/** `tokens` is undefined if the platform must verify the person before a login. */
export type Registered = { account: Account; tokens: Tokens | undefined }

/** Creates an account and, unless the platform must verify the person, starts a session. */
export async function register(
  needs: LogInNeeds,
  visitor: Visitor,
  { password, ...person }: Registration,
): Promise<Registered> {
  const passwordHash = await needs.passwords.hash(password)
  const isVerified = !(await hasAdoptedPlatformTables(needs.db))

  return await inTransaction(needs.db, async (trx) => {
    const account = await addAccount(trx, { visitor }, { ...person, role: 'user', isVerified }, passwordHash)
    const tokens = isVerified ? await startSession(needs, trx, visitor, account) : undefined
    return { account, tokens }
  })
}

type SetPasswordNeeds = { db: Db; passwords: Passwords; now: Clock }

/** For the command line: sets a password and ends all sessions of the person. Throws `not_found`, or `validation_failed` for a password of a wrong length. */
export async function setPassword(
  { db, passwords, now }: SetPasswordNeeds,
  actor: EventActor,
  { email, password }: { email: string; password: string },
): Promise<{ id: UserId; email: string }> {
  const account = await findAccountByEmail(db, email)
  if (account === undefined) throw noAccount()
  const passwordHash = await passwords.hash(password)

  return await inTransaction(db, async (trx) => {
    // The same lock order as a login. Sessions last, so that none with the old password remains.
    await removeFailures(trx, await digestEmail(trx, account.email))
    if (!(await setPasswordHash(trx, account.id, passwordHash))) throw noAccount()
    await endSessionsOf(trx, account.id, now())
    const details = { user_id: account.id }
    await recordEvent(trx, actor, { action: 'account.password_set', outcome: 'ok', details })
    return { id: account.id, email: account.email }
  })
}

function noAccount(): AppError {
  return new AppError('not_found', 'There is no account with this e-mail.')
}
