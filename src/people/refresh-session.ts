import { type Account, holdAccount } from '../database/accounts.ts'
import type { Db, Tx } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import {
  endSession,
  findRefreshToken,
  holdSession,
  insertRefreshToken,
  markUsed,
  type RefreshTokenRecord,
  type RefreshTokenState,
} from '../database/sessions.ts'
import type { AppError } from '../errors.ts'
import type { Clock, Visitor } from '../vocabulary.ts'
import { assertMayLogIn } from './assert-may-log-in.ts'
import { recordRefusal } from './record-refusal.ts'
import { checkRefreshToken, isUnusedOrInGrace, lifeFrom, sessionIsOver } from './refresh-token.ts'
import { type TokenKeys, type Tokens, tokensFor } from './tokens.ts'

export type RefreshNeeds = { db: Db; keys: TokenKeys; now: Clock }

type Renewal = { account: Account; successor: RefreshTokenRecord } | { refusal: AppError }

/**
 * New tokens for a refresh token. It works once; the same one again within a minute gets the same successor, and later
 * ends the session, since then two hold it and one of them stole it.
 */
export async function refreshSession(needs: RefreshNeeds, visitor: Visitor, token: string): Promise<Tokens> {
  const { db, keys, now } = needs
  const { id, userId } = await checkRefreshToken({ refreshKey: keys.refreshKey, now }, token)

  return await recordRefusal(db, { ...visitor, userId }, { action: 'session.refused' }, async () => {
    // A refusal is returned, not thrown: the end of a session must not be rolled back.
    const renewal = await inTransaction(db, (trx) => renew(trx, visitor, id, now()))
    if ('refusal' in renewal) throw renewal.refusal
    return await tokensFor(needs, renewal.account, renewal.successor)
  })
}

async function renew(trx: Tx, visitor: Visitor, id: string, now: Date): Promise<Renewal> {
  const found = await findRefreshToken(trx, id)
  const account = found && (await holdAccount(trx, found.userId))
  if (found === undefined || account === undefined) return { refusal: sessionIsOver() }
  await holdSession(trx, found.sessionId)

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
  await markUsed(trx, token.id, { at: now, successorId: successor.id })
  return successor
}

/** Undefined: too late, or nothing is left to repeat. */
async function repeat(trx: Tx, token: RefreshTokenState, now: Date): Promise<RefreshTokenRecord | undefined> {
  const { successorId } = token
  return isUnusedOrInGrace(token, now) && successorId !== null ? await findRefreshToken(trx, successorId) : undefined
}
