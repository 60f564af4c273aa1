import { recordEvent } from '../../database/audit/events.ts'
import type { Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findCaller } from '../../database/people/accounts.ts'
import { endSession, endSessionsOf } from '../../database/people/sessions.ts'
import { findRefreshToken, type RefreshTokenState } from '../../database/people/refresh-tokens.ts'
import { AppError, isAppError } from '../../errors/app-error.ts'
import type { Caller, Visitor } from '../../vocabulary/vocabulary.ts'
import type { SessionNeeds } from './refresh-session.ts'
import { checkRefreshToken } from './issue-tokens.ts'
import { isUnusedOrInGrace } from './refresh-session.ts'

type SessionOfPerson = Pick<Caller, 'userId' | 'sessionId'>

/** `access`: the claims of a checked access token. `everywhere`: ends every session of the person. */
type LogOutRequest = {
  refreshToken: string | undefined
  access: SessionOfPerson | undefined
  everywhere: boolean
}

/**
 * Ends the session that either token names, or every session of the person. An invalid refresh token is no failure, since
 * its session is over; but it ends no other session. Throws `unauthenticated` if no token names a person.
 */
export async function logOut(needs: SessionNeeds, visitor: Visitor, request: LogOutRequest): Promise<void> {
  if (request.refreshToken === undefined && request.access === undefined) throw noTokenGiven()
  const refreshId = await refreshIdOf(needs, request.refreshToken)

  await inTransaction(needs.db, async (trx) => {
    const claims = await findClaims(trx, refreshId, request, needs.now())
    if (request.everywhere && claims === undefined) throw noTokenGiven()
    if (claims === undefined) return
    // A token of an ended session ends no others: a thief whom the person shut out may have it.
    if (request.everywhere && claims === request.access && !(await isOpen(trx, claims))) return

    // A session that is over leaves no second event.
    if (!(await endSessions(trx, claims, request, needs.now()))) return
    const reason = request.everywhere ? 'logged_out_everywhere' : 'logged_out'
    await recordEvent(
      trx,
      { ...visitor, userId: claims.userId },
      { action: 'session.ended', outcome: 'ok', details: { reason } },
    )
  })
}

async function endSessions(
  trx: Tx,
  claims: SessionOfPerson,
  { everywhere }: LogOutRequest,
  now: Date,
): Promise<boolean> {
  if (everywhere) return await endSessionsOf(trx, claims.userId, now)
  return claims.sessionId !== undefined && (await endSession(trx, claims.sessionId, now))
}

async function isOpen(trx: Tx, { userId, sessionId }: SessionOfPerson): Promise<boolean> {
  const person = await findCaller(trx, { userId, sessionId, apiKeyId: undefined })
  return person !== undefined && !person.isSignedOut && !person.isShutOut
}

async function findClaims(
  trx: Tx,
  refreshId: string | undefined,
  { access, everywhere }: LogOutRequest,
  now: Date,
): Promise<SessionOfPerson | undefined> {
  const token = refreshId === undefined ? undefined : await findRefreshToken(trx, refreshId)
  return token === undefined || (everywhere && !isValid(token, now)) ? access : token
}

function isValid(token: RefreshTokenState, now: Date): boolean {
  return !token.isSessionOver && isUnusedOrInGrace(token, now)
}

async function refreshIdOf({ keys, now }: SessionNeeds, refreshToken: string | undefined): Promise<string | undefined> {
  if (refreshToken === undefined) return undefined
  try {
    return (await checkRefreshToken({ keys, now }, refreshToken)).id
  } catch (error) {
    if (isAppError(error, 'unauthenticated')) return undefined
    throw error
  }
}

function noTokenGiven(): AppError {
  return new AppError('unauthenticated', 'Send the refresh token of the session to end, or log in again.')
}
