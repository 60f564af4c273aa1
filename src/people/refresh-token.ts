import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import type { RefreshTokenRecord } from '../database/sessions.ts'
import { AppError } from '../errors.ts'
import type { Clock, UserId } from '../vocabulary.ts'

export const refreshTokenSeconds = 30 * 24 * 60 * 60
/** For a client that lost the first answer, or asked twice at once. */
const graceMilliseconds = 60 * 1000

const refreshClaims = z.object({ jti: z.guid(), sub: z.guid(), token_type: z.literal('refresh') })

/** The same record is always the same token: that is how one who asks twice gets the same successor. */
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

/** Whose token it is, and the id of its row. Throws `unauthenticated`; whether the row still counts is another question. */
export async function checkRefreshToken(
  { refreshKey, now }: { refreshKey: Uint8Array; now: Clock },
  token: string,
): Promise<{ id: string; userId: UserId }> {
  try {
    const { payload } = await jwtVerify(token, refreshKey, {
      algorithms: ['HS256'],
      requiredClaims: ['exp', 'jti', 'sub'],
      currentDate: now(),
    })
    const { jti: id, sub } = refreshClaims.parse(payload)
    // We signed it, and only for people of the database.
    return { id, userId: sub as UserId }
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) throw sessionIsOver(error)
    throw error
  }
}

/** One answer for every refresh token that does not count, whatever the reason. */
export function sessionIsOver(cause?: unknown): AppError {
  return new AppError('unauthenticated', 'This session is over. Log in again.', { cause })
}

/** Whether who shows this token may be the one it was given to; used longer ago, two hold it and one of them stole it. */
export function isUnusedOrInGrace({ usedAt }: { usedAt: Date | null }, now: Date): boolean {
  return usedAt === null || now.getTime() - usedAt.getTime() <= graceMilliseconds
}

/** The life of a token that is made now, in whole seconds, as tokens write it. */
export function lifeFrom(now: Date): { issuedAt: Date; expiresAt: Date } {
  const issuedAt = seconds(now)
  return { issuedAt: new Date(issuedAt * 1000), expiresAt: new Date((issuedAt + refreshTokenSeconds) * 1000) }
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
