import { randomUUID } from 'node:crypto'

import { type CryptoKey, decodeJwt, errors, SignJWT } from 'jose'
import { z } from 'zod'

import { AppError } from '../../errors/app-error.ts'
import type { Caller, Clock, SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import { type SigningKey, verifyWithAny } from './token-keys.ts'

export const accessTokenSeconds = 15 * 60

/** The issuer of our own tokens. The platform signs with the same secret, and names another one or none. */
const tokenIssuer = 'paniq-documents'

export type AccessTokenNeeds = { accessKey: CryptoKey; now: Clock }

type CheckNeeds = AccessTokenNeeds & { previousKey?: CryptoKey | undefined }

/** `userType` is for the platform's clients; the service derives no right from it. */
type TokenSubject = {
  id: UserId
  email: string
  userType: 'registered_user' | 'admin'
  sessionId?: SessionId
  expiresInSeconds?: number
}

/** The claims that the service uses. It ignores others such as `permissions`, `firm_id` and `role`. */
const accessClaims = z.object({
  sub: z.guid(),
  token_type: z.literal('access'),
  // A huge number in JSON parses to Infinity, and would never expire.
  exp: z.number(),
  iss: z.string().optional().catch(undefined),
  sid: z.guid().optional().catch(undefined),
})

export async function signAccessToken({ accessKey, now }: AccessTokenNeeds, subject: TokenSubject): Promise<string> {
  const issuedAt = Math.floor(now().getTime() / 1000)
  return await new SignJWT({
    user_type: subject.userType,
    email: subject.email,
    token_type: 'access',
    sid: subject.sessionId,
    ...(subject.sessionId === undefined ? {} : { iss: tokenIssuer }),
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(subject.id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (subject.expiresInSeconds ?? accessTokenSeconds))
    .setJti(randomUUID())
    .sign(accessKey)
}

/** Returns the claims of a token. Throws `unauthenticated` if it is expired, forged, of another kind or without an end. */
export async function checkAccessToken({ accessKey, previousKey, now }: CheckNeeds, token: string): Promise<Caller> {
  const payload = await verified(token, [accessKey, previousKey], now())
  const claims = accessClaims.safeParse(payload)
  if (!claims.success)
    throw new AppError('unauthenticated', 'This is not an access token. Send the access_token of the login.')

  const { sub, sid, iss } = claims.data
  // Ours always name their session, which can be over before the token expires.
  if (iss === tokenIssuer && sid === undefined) throw tokenInvalid()
  // The signature and the format of the ids were just checked.
  return { userId: sub.toLowerCase() as UserId, sessionId: sid as SessionId | undefined, apiKeyId: undefined }
}

async function verified(token: string, keys: SigningKey[], now: Date): Promise<unknown> {
  try {
    return await verifyWithAny(token, keys, { requiredClaims: ['exp', 'sub'], currentDate: now })
  } catch (error) {
    throw error instanceof errors.JWTExpired ? tokenExpired(error) : tokenInvalid(error)
  }
}

export function tokenExpired(cause?: unknown): AppError {
  return new AppError('unauthenticated', 'Your access token has expired. Refresh it, or log in again.', { cause })
}

export function tokenInvalid(cause?: unknown): AppError {
  return new AppError('unauthenticated', 'Your access token is not valid. Log in again.', { cause })
}

/** The `exp` of a checked token. */
export function endOfToken(_claims: unknown, token: string): Date {
  return new Date((decodeJwt(token).exp ?? 0) * 1000)
}
