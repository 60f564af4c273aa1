import { createHmac, timingSafeEqual } from 'node:crypto'

import type { UserId } from '../vocabulary/vocabulary.ts'

/** Keys for these tokens only, the newest first; the others verify what was signed before a rotation of the secret. */
export type UnsubscribeKeys = readonly Uint8Array[]

const idBytes = 16
const macBytes = 32

/**
 * The token of a person's link that ends optional mails. It is the same in every mail, is stored nowhere, and never expires:
 * it lets nobody in, and people click in old mails.
 */
export function signUnsubscribeToken([key]: UnsubscribeKeys, userId: UserId): string {
  if (key === undefined) throw new Error('there is no key')
  const id = Buffer.from(userId.replaceAll('-', ''), 'hex')
  return Buffer.concat([id, macOf(key, id)]).toString('base64url')
}

/** The person of a token; undefined if it was not signed here. */
export function verifyUnsubscribeToken(keys: UnsubscribeKeys, token: string): UserId | undefined {
  const bytes = Buffer.from(token, 'base64url')
  // One spelling for each token: base64url decodes others to the same bytes.
  if (bytes.length !== idBytes + macBytes || bytes.toString('base64url') !== token) return undefined
  const [id, mac] = [bytes.subarray(0, idBytes), bytes.subarray(idBytes)]
  if (!keys.some((key) => timingSafeEqual(macOf(key, id), mac))) return undefined
  const hex = id.toString('hex')
  // Only ids of people are signed.
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-') as UserId
}

function macOf(key: Uint8Array, id: Buffer): Buffer {
  return createHmac('sha256', key).update(id).digest()
}
