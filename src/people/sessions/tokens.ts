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

/** What a person gets at the door. */
export type Tokens = { accessToken: string; refreshToken: string; expiresInSeconds: number }

/**
 * The secret that the embedded installation signs its tokens with: made once, kept in the data folder for its owner
 * alone. Of several processes that start at once one makes it and all read the same.
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

/** A new access token, and the refresh token that the record stands for. */
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

/** Whom a token is made for. `userType` is for the platform's clients; no right of ours is read from it. */
type TokenHolder = {
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

/** What a key of our own may be used for. A token signed for one purpose fails the check of every other. */
type KeyPurpose = 'refresh-tokens' | 'local-links' | 'cursors'

/** A key of 32 bytes for one purpose, out of the secret that the platform may know too. */
export function deriveKey(secret: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `paniq-documents ${purpose}`, 32))
}
