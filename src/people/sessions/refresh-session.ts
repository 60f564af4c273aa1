import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { type Account, lockAccount } from '../../database/people/accounts.ts'
import { endSession, lockSession, updateSession } from '../../database/people/sessions.ts'
import {
  findRefreshToken,
  insertRefreshToken,
  markTokenUsed,
  type RefreshTokenRecord,
  type RefreshTokenState,
} from '../../database/people/refresh-tokens.ts'
import type { AppError } from '../../errors/app-error.ts'
import type { Clock, Restriction, Visitor } from '../../vocabulary/vocabulary.ts'
import { assertMaySignInHere } from '../passwords/password-login.ts'
import { recordDenial } from '../require-right.ts'
import { assertMayLogIn } from './log-in.ts'
import { findRestriction, type RestrictionNeeds, sessionEnd } from './session-limits.ts'
import { checkRefreshToken, issueTokens, sessionIsOver, type Tokens, wholeSeconds } from './issue-tokens.ts'
import type { TokenKeys } from './token-keys.ts'

export type SessionNeeds = RestrictionNeeds & {
  db: Db
  keys: TokenKeys
  now: Clock
  /** Undefined: people do not sign in with a provider here. */
  providerClient: { issuer: string } | undefined
}

type Renewal =
  | { account: Account; successor: RefreshTokenRecord; restriction: Restriction | null }
  | { denial: AppError }

/**
 * Issues new tokens for a refresh token, which works once. Its reuse within a minute returns the same successor, for a
 * client that lost the first answer. A later reuse ends the session: two clients have the token, so one of them stole it.
 */
export async function refreshSession(needs: SessionNeeds, visitor: Visitor, token: string): Promise<Tokens> {
  const { db, keys, now } = needs
  const { id, userId } = await checkRefreshToken({ keys, now }, token)

  return await recordDenial(db, { ...visitor, userId }, { action: 'session.refused' }, async () => {
    // A denial is returned, not thrown: a throw would roll the end of the session back.
    const renewal = await inTransaction(db, (trx) => renew(needs, trx, visitor, id))
    if ('denial' in renewal) throw renewal.denial
    return await issueTokens(needs, renewal.account, renewal.successor, renewal.restriction)
  })
}

async function renew(needs: SessionNeeds, trx: Tx, visitor: Visitor, id: string): Promise<Renewal> {
  const now = needs.now()
  const found = await findRefreshToken(trx, id)
  const account = found && (await lockAccount(trx, found.userId))
  if (found === undefined || account === undefined) return { denial: sessionIsOver() }
  await lockSession(trx, found.sessionId)

  // Read again behind the lock: another request may have used the token or ended the session.
  const token = await findRefreshToken(trx, id)
  if (token === undefined || token.isSessionOver) return { denial: sessionIsOver() }
  const isOfProvider = token.issuer !== null
  const expiresAt = await sessionEnd(trx, token.sessionStartedAt, { id: account.id, isOfProvider })
  if (token.expiresAt <= now || expiresAt <= now) return { denial: sessionIsOver() }
  assertMayRenew(needs, account, token)

  const renewal = { now, expiresAt }
  const successor =
    token.usedAt === null ? await replaceToken(trx, token, renewal) : await findSuccessor(trx, token, now)
  const actor = { ...visitor, userId: token.userId }
  if (successor !== undefined) {
    const restriction = await findRestriction(needs, trx, { id: account.id, isOfProvider })
    await updateSession(trx, token.sessionId, { at: now, expiresAt, restriction, visitor })
    await recordEvent(trx, actor, { action: 'session.refreshed', outcome: 'ok' })
    return { account, successor, restriction }
  }

  await endSession(trx, token.sessionId, now)
  await recordEvent(trx, actor, { action: 'session.ended', outcome: 'ok', details: { reason: 'refresh_token_reused' } })
  return { denial: sessionIsOver() }
}

function assertMayRenew(
  { passwordLogin, providerClient }: SessionNeeds,
  account: Account,
  { issuer }: RefreshTokenState,
): void {
  assertMayLogIn(account)
  // Password login may have been turned off since, or another provider or none was configured.
  if (issuer === null) assertMaySignInHere(passwordLogin, account)
  else if (issuer !== providerClient?.issuer) throw sessionIsOver()
}

async function replaceToken(
  trx: Tx,
  token: RefreshTokenState,
  { now, expiresAt }: { now: Date; expiresAt: Date },
): Promise<RefreshTokenRecord> {
  const successor = await insertRefreshToken(trx, token, { issuedAt: wholeSeconds(now), expiresAt })
  await markTokenUsed(trx, token.id, { at: now, successorId: successor.id })
  return successor
}

/** Undefined after the grace period, or if the successor is gone. */
async function findSuccessor(trx: Tx, token: RefreshTokenState, now: Date): Promise<RefreshTokenRecord | undefined> {
  const { successorId } = token
  return isUnusedOrInGrace(token, now) && successorId !== null ? await findRefreshToken(trx, successorId) : undefined
}

/** For a client that lost the first response, or sent two requests at once. */
const graceMilliseconds = 60 * 1000

/** False if the token was used before the grace period: then two clients have it, and one of them stole it. */
export function isUnusedOrInGrace({ usedAt }: { usedAt: Date | null }, now: Date): boolean {
  return usedAt === null || now.getTime() - usedAt.getTime() <= graceMilliseconds
}
