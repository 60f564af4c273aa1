import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { clearFailures, digestEmail } from '../../database/passwords/login-failures.ts'
import { type Account, findLogin, lockAccount } from '../../database/people/accounts.ts'
import { insertSession } from '../../database/people/sessions.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import { isSameNetwork } from '../../vocabulary/networks.ts'
import type { Clock, Subject, Visitor } from '../../vocabulary/vocabulary.ts'
import { assertNotLockedOut, countWrongPassword } from '../passwords/login-lockout.ts'
import { maySignInHere, passwordLoginIsOff } from '../passwords/password-login.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { recordDenial } from '../require-right.ts'
import { challengeLogin, type LoginChallenge } from './challenge-login.ts'
import { issueTokens, type Tokens, wholeSeconds } from './issue-tokens.ts'
import { findRestriction, maxSessions, type RestrictionNeeds, sessionEnd } from './session-limits.ts'
import type { TokenKeys } from './token-keys.ts'

export type LogInNeeds = RestrictionNeeds & { db: Db; keys: TokenKeys; passwords: Passwords; now: Clock }

/** The tokens of a new session, or what the person must prove first. */
export type LoggedIn = { tokens: Tokens } | { challenge: LoginChallenge }

/**
 * Checks an e-mail and a password, and starts a session; a person with a second factor gets a challenge instead. An
 * unknown e-mail, a wrong password and an account without a password get the same answer after the same time. Only the
 * right password learns that its account is locked.
 */
export async function logIn(
  needs: LogInNeeds,
  visitor: Visitor,
  { email, password }: { email: string; password: string },
): Promise<LoggedIn> {
  const { db, passwords, now } = needs
  const digest = await digestEmail(db, email)
  const login = await findLogin(db, email)
  const { ip } = visitor
  const caller = { ...visitor, userId: login?.id ?? null }
  const denial = { action: 'session.refused', personal: { email_sha256: digest } }

  await recordDenial(db, caller, denial, () => assertNotLockedOut(db, digest, now()))
  // A login that finds the queue full leaves no event: a denial must cost less than an answer.
  const knownAs = login?.recentAddresses.some((each) => isSameNetwork(each, ip)) ? login.id : undefined
  const isAllowed = login !== undefined && maySignInHere(needs.passwordLogin, login)
  const isCorrect = await passwords.matches(password, isAllowed ? login.passwordHash : null, { ip, knownAs })

  return await recordDenial(db, caller, denial, async () => {
    if (login === undefined || !isCorrect) throw await countWrongPassword(db, digest, now(), wrongCredentials(needs))

    return await inTransaction(db, async (trx) => {
      // Concurrent logins may have reached the lockout meanwhile.
      if (!(await clearFailures(trx, digest, now()))) await assertNotLockedOut(trx, digest, now())
      const current = await lockAccount(trx, login.id)
      // The password changed since the comparison.
      if (current === undefined || current.passwordHash !== login.passwordHash) throw wrongCredentials(needs)
      assertMayLogIn(current)
      const challenge = await challengeLogin(needs, trx, visitor, current)
      return challenge === undefined ? { tokens: await startSession(needs, trx, visitor, current) } : { challenge }
    })
  })
}

/** Where password login is off, nobody learns which e-mail may log in. */
function wrongCredentials({ passwordLogin }: LogInNeeds): AppError {
  if (!passwordLogin.isOn) return passwordLoginIsOff()
  return new AppError('unauthenticated', 'The e-mail or the password is wrong.')
}

/** Throws `forbidden` if the account is locked, suspended or not verified. */
export function assertMayLogIn(account: Account): void {
  if (account.isLocked || account.isSuspended) throw new AccessDenied('account_locked')
  if (!account.isVerified)
    throw new AppError('forbidden', 'This account is not verified yet. Verify it with the platform, then log in.')
}

/** Starts a session, in the transaction that checked the account. `subject`: of the login at a provider that begins it. */
export async function startSession(
  needs: Omit<LogInNeeds, 'db' | 'passwords'>,
  trx: Tx,
  visitor: Visitor,
  account: Account & { subject?: Subject },
): Promise<Tokens> {
  const now = needs.now()
  const startedAt = wholeSeconds(now)
  const { id, subject } = account
  const session = { id, isOfProvider: subject !== undefined }
  const restriction = await findRestriction(needs, trx, session)
  const record = await insertSession(trx, {
    userId: account.id,
    startedAt,
    lastUsedAt: now,
    expiresAt: await sessionEnd(trx, startedAt, session),
    restriction,
    visitor,
    maxSessions,
    subject,
  })
  const about = subject === undefined ? {} : ofProvider(subject)
  await recordEvent(trx, { ...visitor, userId: id }, { action: 'session.started', outcome: 'ok', ...about })

  return await issueTokens(needs, account, record, restriction)
}

/** What an event says of a login with a provider. The provider's id of the person can be erased. */
export function ofProvider({ issuer, subject }: Subject) {
  return { details: { method: 'provider', issuer }, personal: { issuer, subject } }
}
