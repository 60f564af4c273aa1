import { randomUUID } from 'node:crypto'

import { type CryptoKey, errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import { AppError } from '../errors.ts'
import type { Clock, SessionId, UserId } from '../vocabulary.ts'

export const accessTokenSeconds = 15 * 60

export type AccessTokenNeeds = { accessKey: CryptoKey; now: Clock }

/** Whom a token is made for. `userType` is for the platform's clients; no right of ours is read from it. */
export type TokenHolder = {
  id: UserId
  email: string
  userType: 'registered_user' | 'admin'
  sessionId?: SessionId
}

/** What a checked token says. The platform's tokens name no session of ours. */
export type AccessClaims = { userId: UserId; sessionId: SessionId | undefined }

/** The claims that are believed. Others (`permissions`, `firm_id`, `role`) may be there and count for nothing. */
const accessClaims = z.object({
  sub: z.guid(),
  token_type: z.literal('access'),
  // JSON can write a number that is too large to be one, and would never be over.
  exp: z.number(),
  sid: z.guid().optional().catch(undefined),
})

/**
 * The key of access tokens is the shared secret itself, so that the platform's tokens hold here and ours there. Made
 * ready once: bytes would be imported anew at every request.
 */
export async function accessKeyOf(secret: string): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  return await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['sign', 'verify'])
}

export async function signAccessToken({ accessKey, now }: AccessTokenNeeds, holder: TokenHolder): Promise<string> {
  const issuedAt = Math.floor(now().getTime() / 1000)
  return await new SignJWT({
    user_type: holder.userType,
    email: holder.email,
    token_type: 'access',
    sid: holder.sessionId,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(holder.id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + accessTokenSeconds)
    .setJti(randomUUID())
    .sign(accessKey)
}

/** Says who holds the token. Throws `unauthenticated` for one that is expired, forged, of another kind or without an end. */
export async function checkAccessToken({ accessKey, now }: AccessTokenNeeds, token: string): Promise<AccessClaims> {
  const payload = await verified(token, accessKey, now())
  const claims = accessClaims.safeParse(payload)
  if (!claims.success)
    throw new AppError('unauthenticated', 'This is not an access token. Send the access_token that the login answered.')

  const { sub, sid } = claims.data
  // The one place where a token's words become ids: their signature and form were just checked.
  return { userId: sub.toLowerCase() as UserId, sessionId: sid as SessionId | undefined }
}

async function verified(token: string, key: CryptoKey, now: Date): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      requiredClaims: ['exp', 'sub'],
      currentDate: now,
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      throw new AppError('unauthenticated', 'Your access token has expired. Refresh it, or log in again.', {
        cause: error,
      })
    throw new AppError('unauthenticated', 'Your access token is not valid. Log in again.', { cause: error })
  }
}
