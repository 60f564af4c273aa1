import { hkdfSync } from 'node:crypto'

/** What a key of our own may be used for. A token signed for one purpose fails the check of every other. */
export type KeyPurpose = 'refresh-tokens' | 'local-links' | 'cursors'

/** A key of 32 bytes for one purpose, out of the secret that the platform may know too. */
export function deriveKey(secret: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `paniq-documents ${purpose}`, 32))
}
