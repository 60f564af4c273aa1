/** Why a scan gave no verdict. Each reason is also a label of a metric. */
export const inconclusiveReasons = [
  /** The scanner does not accept a connection. */
  'unreachable',
  /** No connection became free in time. */
  'busy',
  /** The scanner accepted the connection and did not answer in time. */
  'silent',
  /** The connection ended before the verdict. */
  'cut_off',
  /** The file exceeds a limit of the scanner: size, depth or time. */
  'limits',
  /** The file, or a file inside it, is encrypted. */
  'encrypted',
  /** The scanner gave any other answer. */
  'unclear',
] as const
export type InconclusiveReason = (typeof inconclusiveReasons)[number]

/** A file that was not scanned completely is neither clean nor infected. */
export type Verdict =
  | { kind: 'clean' }
  | { kind: 'infected'; signature: string }
  | { kind: 'cannot_say'; why: InconclusiveReason }

export type ScanOptions = {
  signal?: AbortSignal | undefined
  /** How long to wait for the verdict after the last byte was sent. */
  verdictMs?: number
}

/** A virus scanner. To add one, add a file to this folder and create it in `app.ts`. */
export interface Scanner {
  /**
   * Streams a file to the scanner with back-pressure and returns a verdict. A failure of the scanner is `cannot_say`. It
   * throws only errors of `bytes` and the signal's reason.
   */
  scan(bytes: AsyncIterable<Uint8Array>, options?: ScanOptions): Promise<Verdict>
  /** The scanner's name and signature version. Undefined when it does not answer. */
  identify(): Promise<ScannerIdentity | undefined>
}

/** `signatures` increases with every update. Undefined when the scanner does not number them. */
export type ScannerIdentity = { name: string; signatures: number | undefined }
