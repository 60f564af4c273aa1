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
  /** False where the platform verifies people first. */
  isVerified: boolean
}

type Needs = { db: Db; passwords: Passwords }

/** Whose doing it is: the person's own, whom nobody knows before; or a task's, the command line's or a start's. */
type CreatedBy = { visitor: Visitor } | { actor: EventActor; by: 'command' | 'start' }

/** Throws `conflict` when the e-mail or the phone is taken, `validation_failed` for a password out of bounds. */
export async function createAccount(
  { db, passwords }: Needs,
  createdBy: CreatedBy,
  person: NewPerson,
  password: string,
): Promise<Account> {
  const passwordHash = await passwords.hash(password)
  return await inTransaction(db, (trx) => addAccount(trx, createdBy, person, passwordHash))
}

/** The same within a transaction, which must not wait while a password is hashed. */
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

/** `tokens` is undefined where the platform must verify the person before they can log in. */
export type Registered = { account: Account; tokens: Tokens | undefined }

/** A person makes an account of their own and, where nobody need verify them, is logged in. */
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

/** The command line's: gives a person a new password and ends all their sessions; answers whose it is. Throws `not_found`, or `validation_failed` for a password out of bounds. */
export async function setPassword(
  { db, passwords, now }: SetPasswordNeeds,
  actor: EventActor,
  { email, password }: { email: string; password: string },
): Promise<{ id: UserId; email: string }> {
  const account = await findAccountByEmail(db, email)
  if (account === undefined) throw noAccount()
  const passwordHash = await passwords.hash(password)

  return await inTransaction(db, async (trx) => {
    // In the order in which a login takes them. Sessions last: none that began with the old password is left.
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
