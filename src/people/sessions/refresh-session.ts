import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { type Account, lockAccount } from '../../database/people/accounts.ts'
import { endSession, lockSession } from '../../database/people/sessions.ts'
import {
  findRefreshToken,
  insertRefreshToken,
  markTokenUsed,
  type RefreshTokenRecord,
  type RefreshTokenState,
} from '../../database/people/refresh-tokens.ts'
import type { AppError } from '../../errors/app-error.ts'
import type { Clock, Visitor } from '../../vocabulary/vocabulary.ts'
import { recordDenial } from '../require-right.ts'
import { assertMayLogIn } from './log-in.ts'
import {
  checkRefreshToken,
  issueTokens,
  isUnusedOrInGrace,
  lifeFrom,
  sessionIsOver,
  type TokenKeys,
  type Tokens,
} from './tokens.ts'

export type SessionNeeds = { db: Db; keys: TokenKeys; now: Clock }

type Renewal = { account: Account; successor: RefreshTokenRecord } | { denial: AppError }

/**
 * Issues new tokens for a refresh token, which works once. Its reuse within a minute returns the same successor, for a
 * client that lost the first answer. A later reuse ends the session: two clients have the token, so one of them stole it.
 */
export async function refreshSession(needs: SessionNeeds, visitor: Visitor, token: string): Promise<Tokens> {
  const { db, keys, now } = needs
  const { id, userId } = await checkRefreshToken({ refreshKey: keys.refreshKey, now }, token)

  return await recordDenial(db, { ...visitor, userId }, { action: 'session.refused' }, async () => {
    // A denial is returned, not thrown: a throw would roll the end of the session back.
    const renewal = await inTransaction(db, (trx) => renew(trx, visitor, id, now()))
    if ('denial' in renewal) throw renewal.denial
    return await issueTokens(needs, renewal.account, renewal.successor)
  })
}

async function renew(trx: Tx, visitor: Visitor, id: string, now: Date): Promise<Renewal> {
  const found = await findRefreshToken(trx, id)
  const account = found && (await lockAccount(trx, found.userId))
  if (found === undefined || account === undefined) return { denial: sessionIsOver() }
  await lockSession(trx, found.sessionId)

  // Read again behind the lock: another request may have used the token or ended the session.
  const token = await findRefreshToken(trx, id)
  if (token === undefined || token.sessionEndedAt !== null || token.expiresAt <= now) return { denial: sessionIsOver() }
  assertMayLogIn(account)

  const successor = token.usedAt === null ? await replaceToken(trx, token, now) : await findSuccessor(trx, token, now)
  if (successor !== undefined) return { account, successor }

  await endSession(trx, token.sessionId, now)
  await recordEvent(
    trx,
    { ...visitor, userId: token.userId },
    { action: 'session.ended', outcome: 'ok', details: { reason: 'refresh_token_reused' } },
  )
  return { denial: sessionIsOver() }
}

async function replaceToken(trx: Tx, token: RefreshTokenState, now: Date): Promise<RefreshTokenRecord> {
  const successor = await insertRefreshToken(trx, token, lifeFrom(now))
  await markTokenUsed(trx, token.id, { at: now, successorId: successor.id })
  return successor
}

/** Undefined after the grace period, or if the successor is gone. */
async function findSuccessor(trx: Tx, token: RefreshTokenState, now: Date): Promise<RefreshTokenRecord | undefined> {
  const { successorId } = token
  return isUnusedOrInGrace(token, now) && successorId !== null ? await findRefreshToken(trx, successorId) : undefined
}
