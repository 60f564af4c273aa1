import type { Hash } from 'node:crypto'

import { AppError } from '../errors.ts'
import type { Sha256 } from '../vocabulary.ts'
import type { Format } from './formats/format.ts'

/** What a whole file must pass, once its last byte is there. */
export type Checks = {
  /** What the client says that it hashes to. */
  expectedSha256: string | undefined
  /** Left out where the bytes were checked when they came first. */
  check?: Format['check']
}

/** The hash of the whole file. Throws `validation_failed` when the client said that it would be another. */
export function finishHash(hash: Hash, expected: string | undefined): Sha256 {
  const sha256 = hash.digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
  if (expected === undefined || expected.toLowerCase() === sha256) return sha256
  const message = 'The file that arrived is not the one you hashed: its SHA-256 is another. Send it again.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'sha256', message }] })
}
