import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** A secret of 256 random bits, for a link or a challenge. */
export function createSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What the database stores of a random secret. One round is enough: nobody can guess it, unlike a password. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

const cipher = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** Encrypts a secret for its owner's id: it cannot be decrypted as another one's. The newest key comes first. */
export function sealSecret([key]: readonly Uint8Array[], owner: string, secret: string): Buffer {
  if (key === undefined) throw new Error('there is no key to encrypt a secret')
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(owner))
  return Buffer.concat([nonce, sealing.update(secret, 'utf8'), sealing.final(), sealing.getAuthTag()])
}

/** Undefined when none of the keys encrypted it: the token secret is another one. */
export function openSecret(keys: readonly Uint8Array[], owner: string, sealed: Buffer): string | undefined {
  for (const key of keys) {
    try {
      const opening = createDecipheriv(cipher, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
        .setAAD(Buffer.from(owner))
        .setAuthTag(sealed.subarray(-tagBytes))
      return Buffer.concat([opening.update(sealed.subarray(nonceBytes, -tagBytes)), opening.final()]).toString('utf8')
    } catch {
      // Another key may fit.
    }
  }
  return undefined
}
