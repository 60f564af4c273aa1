/** Why nothing can be said of a file; each is a label of a metric too. */
export const inconclusiveReasons = [
  /** Nobody takes the connection. */
  'unreachable',
  /** All connections were in use for too long. */
  'busy',
  /** It took the file or the connection and did not answer in time. */
  'silent',
  /** The connection ended in the middle. */
  'cut_off',
  /** The file is past what the scanner looks at: its size, its depth, its time. */
  'limits',
  /** The file, or one inside it, cannot be read without a password. */
  'encrypted',
  /** It answered something else. */
  'unclear',
] as const
export type InconclusiveReason = (typeof inconclusiveReasons)[number]

/** Three answers, never two: what was not looked at to its end is neither clean nor infected. */
export type Verdict =
  | { kind: 'clean' }
  | { kind: 'infected'; signature: string }
  | { kind: 'cannot_say'; why: InconclusiveReason }

export type ScanOptions = {
  signal?: AbortSignal | undefined
  /** How long to wait for the verdict once all bytes are there. */
  verdictMs?: number
}

/** Whoever looks for viruses. Another one is another file of this folder, and a line where the app is built. */
export interface Scanner {
  /**
   * Reads a file's bytes as they come, no faster than the scanner takes them, and gives a verdict. A scanner's own fault is
   * `cannot_say`; it throws only what the bytes threw, and the signal's reason.
   */
  scan(bytes: AsyncIterable<Uint8Array>, options?: ScanOptions): Promise<Verdict>
  /** Who it is, and how new what it knows of viruses is; undefined when it could not be asked. */
  identify(): Promise<ScannerIdentity | undefined>
}

/** `signatures` rises with every new set of them; undefined where the scanner does not number them. */
export type ScannerIdentity = { name: string; signatures: number | undefined }
