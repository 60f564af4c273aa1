import { hkdfSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type CryptoKey, errors, jwtVerify, type JWTVerifyOptions } from 'jose'

import { readIfExists } from '../../files/file-system.ts'
import { createFileOnce } from '../../storage/local/local-folders.ts'

/** `previous`: the keys before a rotation, for checks only. */
export type TokenKeys = {
  accessKey: CryptoKey
  refreshKey: Uint8Array
  previous?: Omit<TokenKeys, 'previous'> | undefined
}

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

export async function createTokenKeys(secret: string, previousSecret?: string): Promise<TokenKeys> {
  const keys = { accessKey: await importAccessKey(secret), refreshKey: deriveKey(secret, 'refresh-tokens') }
  return { ...keys, previous: previousSecret === undefined ? undefined : await createTokenKeys(previousSecret) }
}

/**
 * The key of access tokens is the shared secret itself, so that the platform's tokens are valid here and ours there.
 * Imported once: jose would import bytes again at every request.
 */
export async function importAccessKey(secret: string): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  return await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['sign', 'verify'])
}

/** The purpose of a derived key. A token signed for one purpose fails the check of every other. */
type KeyPurpose =
  | 'refresh-tokens'
  | 'local-links'
  | 'cursors'
  | 'second-factors'
  | 'provider-logins'
  | 'webhooks'
  | 'unsubscribe-links'

/** Derives a key of 32 bytes for one purpose from the secret, which the platform may know. */
export function deriveKey(secret: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `paniq-documents ${purpose}`, 32))
}

export type SigningKey = CryptoKey | Uint8Array | undefined

/** Returns the claims of a token that one of the keys signed. Throws jose's error of the last key. */
export async function verifyWithAny(
  token: string,
  [key, ...others]: SigningKey[],
  options: Omit<JWTVerifyOptions, 'algorithms'>,
): Promise<unknown> {
  const left = others.filter((other) => other !== undefined)
  try {
    if (key === undefined) throw new errors.JWSSignatureVerificationFailed()
    return (await jwtVerify(token, key, { ...options, algorithms: ['HS256'] })).payload
  } catch (error) {
    if (!(error instanceof errors.JWSSignatureVerificationFailed) || left.length === 0) throw error
    return await verifyWithAny(token, left, options)
  }
}
