import { type Account, findAccountByEmail, lockAccount } from '../../database/people/accounts.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import {
  clearFailures,
  countFailure,
  digestEmail,
  endSession,
  endSessionsOf,
  type FailureCount,
  findLockout,
  findRefreshToken,
  lockSession,
  insertRefreshToken,
  insertSession,
  type LockoutRule,
  markTokenUsed,
  type RefreshTokenRecord,
  type RefreshTokenState,
} from '../../database/people/sessions.ts'
import { refusalAnswers } from '../../database/people/membership.ts'
import { AppError, isAppError } from '../../errors/app-error.ts'
import type { Clock, Sha256, Visitor } from '../../vocabulary/vocabulary.ts'
import {
  type AccessClaims,
  checkRefreshToken,
  isUnusedOrInGrace,
  lifeFrom,
  sessionIsOver,
  type TokenKeys,
  type Tokens,
  issueTokens,
} from './tokens.ts'
import type { Passwords } from './passwords.ts'
import { recordDenial } from '../require-right.ts'

const lockoutRule: LockoutRule = { maxFailures: 10, windowSeconds: 15 * 60, lockSeconds: 15 * 60 }

export type LogInNeeds = { db: Db; keys: TokenKeys; passwords: Passwords; now: Clock }

/** What the audit trail records of a denied login that was counted. */
type RefusalDetails = { failures?: number; locked_until?: string | null }

/**
 * A person proves who they are and gets a session. An unknown e-mail, a wrong password and an account without one get
 * the same answer after the same time; that an account is locked is told to the right password alone.
 */
export async function logIn(
  needs: LogInNeeds,
  visitor: Visitor,
  { email, password }: { email: string; password: string },
): Promise<Tokens> {
  const { db, passwords, now } = needs
  const digest = await digestEmail(db, email)
  const account = await findAccountByEmail(db, email)
  const caller = { ...visitor, userId: account?.id ?? null }
  const details: RefusalDetails = {}
  const personal = { email_sha256: digest }

  return await recordDenial(db, caller, { action: 'session.refused', details, personal }, async () => {
    await assertNotLockedOut(db, digest, now())
    const isRight = await passwords.matches(password, account?.passwordHash ?? null)
    if (account === undefined || !isRight) {
      const count = await countFailure(db, digest, lockoutRule, now())
      Object.assign(details, { failures: count.failures, locked_until: count.lockedUntil?.toISOString() ?? null })
      throw errorAfter(count, now())
    }

    return await inTransaction(db, async (trx) => {
      // Ten guesses beside this one may have failed by now; then the right one comes too late.
      if (!(await clearFailures(trx, digest, now()))) await assertNotLockedOut(trx, digest, now())
      const current = await lockAccount(trx, account.id)
      // Changed since the comparison: what was compared is this person's password no longer.
      if (current === undefined || current.passwordHash !== account.passwordHash) throw wrongCredentials()
      assertMayLogIn(current)
      return await startSession(needs, trx, visitor, current)
    })
  })
}

function errorAfter({ failures, lockedUntil }: FailureCount, now: Date): AppError {
  return lockedUntil !== null && failures > lockoutRule.maxFailures ? lockedOut(lockedUntil, now) : wrongCredentials()
}

async function assertNotLockedOut(db: Db, digest: Sha256, now: Date): Promise<void> {
  const until = await findLockout(db, digest, now)
  if (until !== undefined) throw lockedOut(until, now)
}

function lockedOut(until: Date, now: Date): AppError {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000))
  const minutes = Math.ceil(seconds / 60)
  return new AppError(
    'rate_limited',
    `Too many failed logins. Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`,
    { retryAfterSeconds: seconds },
  )
}

function wrongCredentials(): AppError {
  return new AppError('unauthenticated', 'The e-mail or the password is wrong.')
}

/** Throws `forbidden` for a person who may not have a session: shut out, or not verified by the platform yet. */
function assertMayLogIn(account: Account): void {
  if (account.isLocked || account.isSuspended) throw new AppError(...refusalAnswers.account_locked)
  if (!account.isVerified)
    throw new AppError('forbidden', 'This account is not verified yet. Verify it with the platform, then log in.')
}

/** Begins a session for a person who has just proved who they are, in the transaction that the proof belongs to. */
export async function startSession(
  needs: Omit<SessionNeeds, 'db'>,
  trx: Tx,
  visitor: Visitor,
  account: Account,
): Promise<Tokens> {
  const record = await insertSession(trx, account.id, lifeFrom(needs.now()))
  await recordEvent(trx, { ...visitor, userId: account.id }, { action: 'session.started', outcome: 'ok' })

  return await issueTokens(needs, account, record)
}

type SessionNeeds = { db: Db; keys: TokenKeys; now: Clock }

type Renewal = { account: Account; successor: RefreshTokenRecord } | { refusal: AppError }

/**
 * New tokens for a refresh token. It works once; the same one again within a minute gets the same successor, and later
 * ends the session, since then two hold it and one of them stole it.
 */
export async function refreshSession(needs: SessionNeeds, visitor: Visitor, token: string): Promise<Tokens> {
  const { db, keys, now } = needs
  const { id, userId } = await checkRefreshToken({ refreshKey: keys.refreshKey, now }, token)

  return await recordDenial(db, { ...visitor, userId }, { action: 'session.refused' }, async () => {
    // A refusal is returned, not thrown: the end of a session must not be rolled back.
    const renewal = await inTransaction(db, (trx) => renew(trx, visitor, id, now()))
    if ('refusal' in renewal) throw renewal.refusal
    return await issueTokens(needs, renewal.account, renewal.successor)
  })
}

async function renew(trx: Tx, visitor: Visitor, id: string, now: Date): Promise<Renewal> {
  const found = await findRefreshToken(trx, id)
  const account = found && (await lockAccount(trx, found.userId))
  if (found === undefined || account === undefined) return { refusal: sessionIsOver() }
  await lockSession(trx, found.sessionId)

  // Read again: whoever held the session before may have used the token or ended the session.
  const token = await findRefreshToken(trx, id)
  if (token === undefined || token.sessionEndedAt !== null || token.expiresAt <= now)
    return { refusal: sessionIsOver() }
  assertMayLogIn(account)

  const successor = token.usedAt === null ? await succeed(trx, token, now) : await repeat(trx, token, now)
  if (successor !== undefined) return { account, successor }

  await endSession(trx, token.sessionId, now)
  await recordEvent(
    trx,
    { ...visitor, userId: token.userId },
    { action: 'session.ended', outcome: 'ok', details: { reason: 'refresh_token_reused' } },
  )
  return { refusal: sessionIsOver() }
}

async function succeed(trx: Tx, token: RefreshTokenState, now: Date): Promise<RefreshTokenRecord> {
  const successor = await insertRefreshToken(trx, token, lifeFrom(now))
  await markTokenUsed(trx, token.id, { at: now, successorId: successor.id })
  return successor
}

/** Undefined: too late, or nothing is left to repeat. */
async function repeat(trx: Tx, token: RefreshTokenState, now: Date): Promise<RefreshTokenRecord | undefined> {
  const { successorId } = token
  return isUnusedOrInGrace(token, now) && successorId !== null ? await findRefreshToken(trx, successorId) : undefined
}

/** What somebody who leaves can show: the session's refresh token, their checked access token, or both. */
type Farewell = {
  refreshToken: string | undefined
  access: AccessClaims | undefined
  everywhere: boolean
}

/**
 * Ends the session that either token names, or every session of the person. A refresh token that counts no longer is
 * no failure: its session is over, as was asked; but it ends no other session. Throws `unauthenticated` when it cannot
 * tell who leaves.
 */
export async function logOut(needs: SessionNeeds, visitor: Visitor, farewell: Farewell): Promise<void> {
  if (farewell.refreshToken === undefined && farewell.access === undefined) throw notKnown()
  const refreshId = await refreshIdOf(needs, farewell.refreshToken)

  await inTransaction(needs.db, async (trx) => {
    const leaving = await findLeaving(trx, refreshId, farewell, needs.now())
    if (farewell.everywhere && leaving === undefined) throw notKnown()
    if (leaving === undefined) return

    // What was over already ends no second time, and the audit trail says nothing of it.
    if (!(await end(trx, leaving, farewell, needs.now()))) return
    const reason = farewell.everywhere ? 'logged_out_everywhere' : 'logged_out'
    await recordEvent(
      trx,
      { ...visitor, userId: leaving.userId },
      { action: 'session.ended', outcome: 'ok', details: { reason } },
    )
  })
}

async function end(trx: Tx, leaving: AccessClaims, { everywhere }: Farewell, now: Date): Promise<boolean> {
  if (everywhere) return await endSessionsOf(trx, leaving.userId, now)
  return leaving.sessionId !== undefined && (await endSession(trx, leaving.sessionId, now))
}

async function findLeaving(
  trx: Tx,
  refreshId: string | undefined,
  { access, everywhere }: Farewell,
  now: Date,
): Promise<AccessClaims | undefined> {
  const token = refreshId === undefined ? undefined : await findRefreshToken(trx, refreshId)
  return token === undefined || (everywhere && !stillCounts(token, now)) ? access : token
}

function stillCounts(token: RefreshTokenState, now: Date): boolean {
  return token.sessionEndedAt === null && isUnusedOrInGrace(token, now)
}

async function refreshIdOf({ keys, now }: SessionNeeds, refreshToken: string | undefined): Promise<string | undefined> {
  if (refreshToken === undefined) return undefined
  try {
    return (await checkRefreshToken({ refreshKey: keys.refreshKey, now }, refreshToken)).id
  } catch (error) {
    if (isAppError(error, 'unauthenticated')) return undefined
    throw error
  }
}

function notKnown(): AppError {
  return new AppError('unauthenticated', 'Send the refresh token of the session to end, or log in again.')
}
