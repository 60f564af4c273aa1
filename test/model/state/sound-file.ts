import { createHash } from 'node:crypto'

import { type Format, formats } from './formats.ts'
import type { Real } from './verb.ts'

type Options = { format: Format; bytes: number; seed: number; name?: string }

/**
 * A valid file that only a scanner may reject, with the facts that the service returns. No other history has the same
 * bytes.
 */
export function fileOf({ salt }: Real, { format, bytes: size, seed, name = 'newer' }: Options) {
  const { make, extension, mimeType } = formats[format]
  const bytes = make({ bytes: size, seed: `${salt} ${seed}` })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { bytes, fileName: `${name}.${extension}`, mimeType, sha256, hasVirus: format === 'virus' }
}
