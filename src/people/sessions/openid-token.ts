import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, type ProtectedHeaderParameters } from 'jose'

import { subjectText } from '../../contract/identities.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Clock, Subject } from '../../vocabulary/vocabulary.ts'
import { tokenExpired, tokenInvalid } from './access-token.ts'

/** Asymmetric algorithms only: a public key must never verify an HMAC. */
export const openIdAlgorithms = ['RS256', 'ES256']

/** For a provider whose clock is ahead. It does not extend a token's end. */
const clockToleranceSeconds = 30

export type OpenIdNeeds = {
  provider: { issuer: string; audience: string; findKey: JWTVerifyGetKey }
  now: Clock
}

/** Returns the subject of a valid token. Throws `unauthenticated`, and `store_unavailable` while its key is not available. */
export async function checkOpenIdToken({ provider, now }: OpenIdNeeds, token: string): Promise<Subject> {
  const { issuer, audience } = provider
  const { payload, protectedHeader } = await jwtVerify(token, provider.findKey, {
    algorithms: openIdAlgorithms,
    issuer,
    audience,
    requiredClaims: ['exp', 'sub'],
    currentDate: now(),
    clockTolerance: clockToleranceSeconds,
  }).catch((error: unknown) => {
    throw refusalOf(error)
  })
  assertNotOver(payload, now())
  assertForAccess(protectedHeader, payload)
  const subject = subjectText.safeParse(payload.sub)
  if (!subject.success) throw new AppError('unauthenticated', 'Your access token has no valid subject.')
  return { issuer, subject: subject.data }
}

function assertNotOver({ exp = 0 }: JWTPayload, now: Date): void {
  // A huge number in JSON parses to Infinity, and would never expire.
  if (!Number.isFinite(exp)) throw tokenInvalid()
  if (exp * 1000 <= now.getTime()) throw tokenExpired()
}

/**
 * A provider signs other tokens with the same keys. The audience separates most of them. This rejects tokens that are
 * marked as another kind or are bound to a key of the client.
 */
function assertForAccess({ typ }: ProtectedHeaderParameters, payload: JWTPayload): void {
  const isOfAccess =
    isOneOf(typ?.replace(/^application\//i, ''), ['jwt', 'at+jwt']) &&
    isOneOf(payload['typ'], ['bearer']) &&
    isOneOf(payload['token_use'], ['access']) &&
    isOneOf(payload['token_type'], ['access', 'bearer'])
  const isOther = claimsOfOtherTokens.some((name) => payload[name] !== undefined)
  if (!isOfAccess || isOther)
    throw new AppError('unauthenticated', 'This is not an access token. Send the access token of your provider.')
}

/** Claims of ID tokens (the first three), of logout and other event tokens, and of sender-constrained tokens. */
const claimsOfOtherTokens = ['at_hash', 'c_hash', 's_hash', 'events', 'cnf']

/** True for an absent claim, or one of these values in any case. */
function isOneOf(word: unknown, expected: string[]): boolean {
  return word === undefined || (typeof word === 'string' && expected.includes(word.toLowerCase()))
}

function refusalOf(error: unknown): unknown {
  if (error instanceof AppError) return error
  if (error instanceof errors.JWTExpired) return tokenExpired(error)
  const isOfOther = error instanceof errors.JWTClaimValidationFailed && ['aud', 'iss'].includes(error.claim)
  if (isOfOther)
    return new AppError('unauthenticated', 'Your access token was not made for this service. Log in again.', {
      cause: error,
    })
  return tokenInvalid(error)
}
