import { randomBytes } from 'node:crypto'
import { Secret } from 'otpauth'

import type { Tx } from '../../database/connection/client.ts'
import { replaceRecoveryCodes } from '../../database/second-factors/factors.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'

const codeCount = 10
/** 120 bits: with at least 112, a plain hash at rest is enough (ASVS 6.5.2). */
const codeBytes = 15

/** Gives a person new codes, shown only once; earlier ones stop working. */
export async function issueRecoveryCodes(trx: Tx, userId: UserId): Promise<string[]> {
  const codes = Array.from({ length: codeCount }, createCode)
  await replaceRecoveryCodes(trx, userId, codes.map(digestOfCode))
  return codes
}

/** `abcd-efgh-ijkl-mnop-qrst-uvwx`, in the alphabet of base32. */
function createCode(): string {
  const text = new Secret({ buffer: Uint8Array.from(randomBytes(codeBytes)).buffer }).base32.toLowerCase()
  return text.match(/.{4}/g)?.join('-') ?? text
}

/** Ignores case, blanks and hyphens, which people write in their own way. */
export function digestOfCode(code: string): Buffer {
  return hashSecret(code.replaceAll(/[\s-]/g, '').toLowerCase())
}
