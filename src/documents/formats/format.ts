import type { FileBytes } from './file-bytes.ts'

/** A kind of file that can be taken, known by its bytes. Another one is another entry in `formats.ts` and its check. */
export type Format = {
  mimeType: string
  /** What programs call it besides. */
  alsoCalled: readonly string[]
  /** What a file of this kind may be called; the first one goes into its key. */
  extensions: readonly [string, ...string[]]
  name: string
  /** Looks at the whole file, whose first bytes are of this kind. Throws `unsupported_type` or `too_large` that says what is wrong with it and what to do. */
  check: (bytes: FileBytes) => Promise<void>
}
