import { errors, SignJWT } from 'jose'
import { z } from 'zod'

import type { Account } from '../../database/people/accounts.ts'
import type { RefreshTokenRecord } from '../../database/people/refresh-tokens.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Clock, Restriction, UserId } from '../../vocabulary/vocabulary.ts'
import { accessTokenSeconds, signAccessToken } from './access-token.ts'
import { type TokenKeys, verifyWithAny } from './token-keys.ts'

/**
 * `expiresInSeconds`: until the access token expires. `sessionSeconds`: until the session ends at last. `restriction`: the
 * required first step of the session.
 */
export type Tokens = {
  accessToken: string
  refreshToken: string
  expiresInSeconds: number
  sessionSeconds: number
  restriction: Restriction | null
}

/** Signs a new access token, and the refresh token of the record. */
export async function issueTokens(
  { keys, now }: { keys: TokenKeys; now: Clock },
  account: Account,
  record: RefreshTokenRecord,
  restriction: Restriction | null,
): Promise<Tokens> {
  const userType = account.role === 'admin' ? 'admin' : 'registered_user'
  // No token outlives its session.
  const sessionSeconds = Math.max(1, seconds(record.expiresAt) - seconds(now()))
  const expiresInSeconds = Math.min(accessTokenSeconds, sessionSeconds)
  return {
    accessToken: await signAccessToken(
      { accessKey: keys.accessKey, now },
      { id: account.id, email: account.email, userType, sessionId: record.sessionId, expiresInSeconds },
    ),
    refreshToken: await signRefreshToken(keys.refreshKey, record),
    expiresInSeconds,
    sessionSeconds,
    restriction,
  }
}

const refreshClaims = z.object({ jti: z.guid(), sub: z.guid(), token_type: z.literal('refresh') })

/** Deterministic: a repeated request gets the same successor. */
export async function signRefreshToken(
  refreshKey: Uint8Array,
  record: Omit<RefreshTokenRecord, 'sessionId'>,
): Promise<string> {
  return await new SignJWT({ token_type: 'refresh' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(record.userId)
    .setIssuedAt(seconds(record.issuedAt))
    .setExpirationTime(seconds(record.expiresAt))
    .setJti(record.id)
    .sign(refreshKey)
}

/** Returns the owner and the row id of a token. Throws `unauthenticated`. It does not check the row. */
export async function checkRefreshToken(
  { keys, now }: { keys: TokenKeys; now: Clock },
  token: string,
): Promise<{ id: string; userId: UserId }> {
  try {
    const payload = await verifyWithAny(token, [keys.refreshKey, keys.previous?.refreshKey], {
      requiredClaims: ['exp', 'jti', 'sub'],
      currentDate: now(),
    })
    const { jti: id, sub } = refreshClaims.parse(payload)
    // The service signed it for a person of the database.
    return { id, userId: sub as UserId }
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) throw sessionIsOver(error)
    throw error
  }
}

/** The same answer for every invalid refresh token, whatever the reason. */
export function sessionIsOver(cause?: unknown): AppError {
  return new AppError('unauthenticated', 'This session is over. Log in again.', { cause })
}

/** A time in whole seconds, as JWT requires. */
export function wholeSeconds(time: Date): Date {
  return new Date(seconds(time) * 1000)
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
