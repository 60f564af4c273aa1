import { createHash } from 'node:crypto'

import { formats } from './hand-in.ts'

type Wish = { format: keyof typeof formats; bytes: number; seed: number; name?: string }

/** A file that everybody takes, and what the service says of it. */
export function fileOf({ format, bytes: size, seed, name = 'newer' }: Wish) {
  const { make, mimeType } = formats[format]
  const bytes = make({ bytes: size, seed: String(seed) })
  return { bytes, fileName: `${name}.${format}`, mimeType, sha256: createHash('sha256').update(bytes).digest('hex') }
}
