import type { Registration as RegistrationPolicy } from '../../config/sign-in.ts'
import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { takenColumn } from '../../database/connection/postgres-errors.ts'
import { digestEmail, removeFailures } from '../../database/passwords/login-failures.ts'
import { markPasswordAsGenerated } from '../../database/passwords/generated-passwords.ts'
import { type Account, findAccountByEmail, insertAccount, setPasswordHash } from '../../database/people/accounts.ts'
import { hasOpenInvitation } from '../../database/people/open-invitations.ts'
import { endSessionsOf } from '../../database/people/sessions.ts'
import { hasAdoptedPlatformTables } from '../../database/schema/installation.ts'
import { AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import { lowerEmail } from '../../vocabulary/emails.ts'
import type { UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { recordDenial } from '../require-right.ts'
import type { Tokens } from '../sessions/issue-tokens.ts'
import { type LogInNeeds, startSession } from '../sessions/log-in.ts'
import { awaitVerification } from './verify-email.ts'

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

/** Throws `conflict` if the e-mail or the phone is taken, `validation_failed` for a password that is not acceptable. */
export async function createAccount(
  { db, passwords }: Needs,
  createdBy: CreatedBy,
  person: NewPerson,
  password: string,
): Promise<Account> {
  const requester = 'visitor' in createdBy ? createdBy.visitor : createdBy.actor
  const passwordHash = await passwords.hash(password, requester, { about: wordsAbout(person) })
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
    email: lowerEmail(person.email),
    phone: person.phone,
    passwordHash,
  }).catch((error: unknown) => {
    if (takenColumn(error, ['phone']) === undefined) throw error
    return undefined
  })
  // One sentence, so that nobody learns which phone numbers have an account.
  if (account === undefined)
    throw new AppError('conflict', 'There is an account with this e-mail or phone number already. Log in instead.')
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

/** What others may know of a person, so that a password made of it is easy to guess. */
export function wordsAbout({
  email,
  firstName,
  lastName,
}: Pick<Account, 'email' | 'firstName' | 'lastName'>): string[] {
  return [email, firstName, lastName]
}

export type RegisterNeeds = LogInNeeds & { mailIsOn: boolean; registration: RegistrationPolicy }

/**
 * Creates an account and, unless the platform must verify the person, starts a session. Throws `forbidden` where
 * `REGISTRATION` does not allow it, before it looks for the account.
 */
export async function register(
  needs: RegisterNeeds,
  visitor: Visitor,
  { password, ...person }: Registration,
): Promise<Registered> {
  await assertMayRegister(needs, visitor, person.email)
  const passwordHash = await needs.passwords.hash(password, visitor, { about: wordsAbout(person) })
  const isVerified = !(await hasAdoptedPlatformTables(needs.db))

  return await inTransaction(needs.db, async (trx) => {
    const account = await addAccount(trx, { visitor }, { ...person, role: 'user', isVerified }, passwordHash)
    if (needs.mailIsOn) await awaitVerification(trx, account)
    const tokens = isVerified ? await startSession(needs, trx, visitor, account) : undefined
    return { account, tokens }
  })
}

async function assertMayRegister(
  { db, now, registration }: RegisterNeeds,
  visitor: Visitor,
  email: string,
): Promise<void> {
  if (registration === 'open') return
  const personal = { email_sha256: await digestEmail(db, email) }
  await recordDenial(db, { ...visitor, userId: null }, { action: 'account.registered', personal }, async () => {
    if (registration === 'off')
      throw new AppError('forbidden', 'Nobody can create an account here. Ask an administrator of the platform.')
    if (!(await hasOpenInvitation(db, email, now())))
      throw new AppError(
        'forbidden',
        'Only invited people can create an account. Ask the administrator of your firm to invite this e-mail.',
      )
  })
}

type SetPasswordNeeds = NotifyNeeds & { db: Db; passwords: Passwords }

type NewPassword = {
  email: string
  password: string
  /** The person must change it at the next login. */
  isTemporary?: boolean
}

/** For the command line: sets a password and ends all sessions of the person. Throws `not_found`, or `validation_failed` for a password that is not acceptable. */
export async function setPassword(
  needs: SetPasswordNeeds,
  actor: EventActor,
  { email, password, isTemporary = false }: NewPassword,
): Promise<{ id: UserId; email: string }> {
  const { db, passwords, now } = needs
  const account = await findAccountByEmail(db, email)
  if (account === undefined) throw noAccount()
  const passwordHash = await passwords.hash(password, actor, { about: wordsAbout(account) })

  return await inTransaction(db, async (trx) => {
    // The same lock order as a login. Sessions last, so that none with the old password remains.
    await removeFailures(trx, await digestEmail(trx, account.email))
    if (!(await setPasswordHash(trx, account.id, passwordHash))) throw noAccount()
    if (isTemporary) await markPasswordAsGenerated(trx, account.id)
    await endSessionsOf(trx, account.id, now())
    const details = { user_id: account.id }
    await recordEvent(trx, actor, { action: 'account.password_set', outcome: 'ok', details })
    await notifyOfChange(needs, trx, account.id, { change: 'password_set' })
    return { id: account.id, email: account.email }
  })
}

function noAccount(): AppError {
  return new AppError('not_found', 'There is no account with this e-mail.')
}
