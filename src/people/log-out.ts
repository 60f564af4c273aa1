import type { Db, Tx } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { endSession, endSessionsOf, findRefreshToken, type RefreshTokenState } from '../database/sessions.ts'
import { AppError, isAppError } from '../errors.ts'
import type { Clock, Visitor } from '../vocabulary.ts'
import type { AccessClaims } from './access-token.ts'
import { checkRefreshToken, isUnusedOrInGrace } from './refresh-token.ts'
import type { TokenKeys } from './tokens.ts'

type Needs = { db: Db; keys: TokenKeys; now: Clock }

/** What somebody who leaves can show: the session's refresh token, their checked access token, or both. */
export type Farewell = {
  refreshToken: string | undefined
  access: AccessClaims | undefined
  everywhere: boolean
}

/**
 * Ends the session that either token names, or every session of the person. A refresh token that counts no longer is
 * no failure: its session is over, as was asked; but it ends no other session. Throws `unauthenticated` when it cannot
 * tell who leaves.
 */
export async function logOut(needs: Needs, visitor: Visitor, farewell: Farewell): Promise<void> {
  if (farewell.refreshToken === undefined && farewell.access === undefined) throw notKnown()
  const refreshId = await refreshIdOf(needs, farewell.refreshToken)

  await inTransaction(needs.db, async (trx) => {
    const leaving = await leavingOne(trx, refreshId, farewell, needs.now())
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

async function leavingOne(
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

async function refreshIdOf({ keys, now }: Needs, refreshToken: string | undefined): Promise<string | undefined> {
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
