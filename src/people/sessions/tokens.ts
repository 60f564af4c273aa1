import { hkdfSync, randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type CryptoKey, errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import type { Account } from '../../database/people/accounts.ts'
import type { RefreshTokenRecord } from '../../database/people/refresh-tokens.ts'
import { AppError } from '../../errors/app-error.ts'
import { readIfExists } from '../../files/file-system.ts'
import { createFileOnce } from '../../storage/local/local-folders.ts'
import type { Clock, SessionId, UserId } from '../../vocabulary/vocabulary.ts'

export type TokenKeys = { accessKey: CryptoKey; refreshKey: Uint8Array }

export type Tokens = { accessToken: string; refreshToken: string; expiresInSeconds: number }

/**
 * Reads the secret that signs the tokens of an embedded installation, and creates it once in the data folder. If several
 * processes start at once, one creates it and all read the same.
 */
export async function ensureTokenSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'jwt-secret')
  const existing = await readIfExists(path)
  if (existing !== undefined) return existing.trim()
  await createFileOnce(dataDir, 'jwt-secret', `${randomBytes(32).toString('hex')}\n`)
  return (await readFile(path, 'utf8')).trim()
}

export async function createTokenKeys(secret: string): Promise<TokenKeys> {
  return { accessKey: await importAccessKey(secret), refreshKey: deriveKey(secret, 'refresh-tokens') }
}

/** Signs a new access token, and the refresh token of the record. */
export async function issueTokens(
  { keys, now }: { keys: TokenKeys; now: Clock },
  account: Account,
  record: RefreshTokenRecord,
): Promise<Tokens> {
  const userType = account.role === 'admin' ? 'admin' : 'registered_user'
  return {
    accessToken: await signAccessToken(
      { accessKey: keys.accessKey, now },
      { id: account.id, email: account.email, userType, sessionId: record.sessionId },
    ),
    refreshToken: await signRefreshToken(keys.refreshKey, record),
    expiresInSeconds: accessTokenSeconds,
  }
}

export const accessTokenSeconds = 15 * 60

export type AccessTokenNeeds = { accessKey: CryptoKey; now: Clock }

/** `userType` is for the platform's clients; the service derives no right from it. */
type TokenHolder = {
  id: UserId
  email: string
  userType: 'registered_user' | 'admin'
  sessionId?: SessionId
}

/** The claims of a checked token. The platform's tokens have no session of the service. */
export type AccessClaims = { userId: UserId; sessionId: SessionId | undefined }

/** The claims that the service uses. It ignores others such as `permissions`, `firm_id` and `role`. */
const accessClaims = z.object({
  sub: z.guid(),
  token_type: z.literal('access'),
  // A huge number in JSON parses to Infinity, and would never expire.
  exp: z.number(),
  sid: z.guid().optional().catch(undefined),
})

/**
 * The key of access tokens is the shared secret itself, so that the platform's tokens are valid here and ours there.
 * Imported once: jose would import bytes again at every request.
 */
export async function importAccessKey(secret: string): Promise<CryptoKey> {
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

/** Returns the claims of a token. Throws `unauthenticated` if it is expired, forged, of another kind or without an end. */
export async function checkAccessToken({ accessKey, now }: AccessTokenNeeds, token: string): Promise<AccessClaims> {
  const payload = await verified(token, accessKey, now())
  const claims = accessClaims.safeParse(payload)
  if (!claims.success)
    throw new AppError('unauthenticated', 'This is not an access token. Send the access_token of the login.')

  const { sub, sid } = claims.data
  // The signature and the format of the ids were just checked.
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
    throw error instanceof errors.JWTExpired ? tokenExpired(error) : tokenInvalid(error)
  }
}

export function tokenExpired(cause?: unknown): AppError {
  return new AppError('unauthenticated', 'Your access token has expired. Refresh it, or log in again.', { cause })
}

export function tokenInvalid(cause?: unknown): AppError {
  return new AppError('unauthenticated', 'Your access token is not valid. Log in again.', { cause })
}

export const refreshTokenSeconds = 30 * 24 * 60 * 60
/** For a client that lost the first response, or sent two requests at once. */
const graceMilliseconds = 60 * 1000

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

/** False if the token was used before the grace period: then two clients have it, and one of them stole it. */
export function isUnusedOrInGrace({ usedAt }: { usedAt: Date | null }, now: Date): boolean {
  return usedAt === null || now.getTime() - usedAt.getTime() <= graceMilliseconds
}

/** The lifetime of a token issued now, in whole seconds, as JWT requires. */
export function lifeFrom(now: Date): { issuedAt: Date; expiresAt: Date } {
  const issuedAt = seconds(now)
  return { issuedAt: new Date(issuedAt * 1000), expiresAt: new Date((issuedAt + refreshTokenSeconds) * 1000) }
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

/** The purpose of a derived key. A token signed for one purpose fails the check of every other. */
type KeyPurpose = 'refresh-tokens' | 'local-links' | 'cursors'

/** Derives a key of 32 bytes for one purpose from the secret, which the platform may know. */
export function deriveKey(secret: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `paniq-documents ${purpose}`, 32))
}
