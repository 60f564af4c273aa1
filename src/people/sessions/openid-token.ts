import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, type ProtectedHeaderParameters } from 'jose'

import { subjectText } from '../../contract/identities.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Clock, Subject } from '../../vocabulary/vocabulary.ts'
import { tokenExpired, tokenInvalid } from './tokens.ts'

/** Of key pairs alone: that the public half is known to everybody must open nothing. */
export const openIdAlgorithms = ['RS256', 'ES256']

/** For a provider whose clock is a little ahead. A token's end is not put off by it. */
const clockToleranceSeconds = 30

export type OpenIdNeeds = {
  provider: { issuer: string; audience: string; findKey: JWTVerifyGetKey }
  now: Clock
}

/** Says whom the provider vouches for. Throws `unauthenticated`, and `store_unavailable` while its key cannot be had. */
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
  if (!subject.success) throw new AppError('unauthenticated', 'Your access token names nobody.')
  return { issuer, subject: subject.data }
}

function assertNotOver({ exp = 0 }: JWTPayload, now: Date): void {
  // JSON can write a number that is too large to be one, and would never be over.
  if (!Number.isFinite(exp)) throw tokenInvalid()
  if (exp * 1000 <= now.getTime()) throw tokenExpired()
}

/**
 * A provider signs other tokens with the same keys. The audience tells most of them apart; what says of itself that it
 * is something else, or is bound to a key that was not shown here, is refused as well.
 */
function assertForAccess({ typ }: ProtectedHeaderParameters, payload: JWTPayload): void {
  const isOfAccess =
    says(typ?.replace(/^application\//i, ''), ['jwt', 'at+jwt']) &&
    says(payload['typ'], ['bearer']) &&
    says(payload['token_use'], ['access']) &&
    says(payload['token_type'], ['access', 'bearer'])
  const isOther = claimsOfOtherTokens.some((name) => payload[name] !== undefined)
  if (!isOfAccess || isOther)
    throw new AppError('unauthenticated', 'This is not an access token. Send the access token of your provider.')
}

/** Of ID tokens the first three, of logouts and other notices, of tokens that hold only together with a key. */
const claimsOfOtherTokens = ['at_hash', 'c_hash', 's_hash', 'events', 'cnf']

/** Nothing, or one of these in whatever case. */
function says(word: unknown, expected: string[]): boolean {
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
