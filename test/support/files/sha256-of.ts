import { createHash } from 'node:crypto'

import type { Sha256 } from '../../../src/vocabulary/vocabulary.ts'

/** The SHA-256 of these bytes, in hexadecimal. */
export function sha256Of(bytes: Uint8Array): Sha256 {
  return createHash('sha256').update(bytes).digest('hex') as Sha256 // it has the form of the brand
}
