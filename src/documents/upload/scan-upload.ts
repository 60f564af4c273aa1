import { once } from 'node:events'
import { PassThrough } from 'node:stream'

import type { Logger } from 'pino'

import { AppError } from '../../errors/app-error.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Scanner, ScanOptions, Verdict } from '../../scanner/scanner.ts'
import type { ScanStatus } from '../../vocabulary/vocabulary.ts'

export type ScanNeeds = Pick<Scanning, 'metrics'> & { scanner: Scanner | undefined; log: Logger }

/** How an upload may stand that is kept. */
export type UploadScanStatus = Exclude<ScanStatus, 'infected'>

/** Scans a file that is held in memory. Throws `infected`; a scanner that cannot say holds up nobody's upload. */
export async function scanBuffer(needs: ScanNeeds, bytes: Buffer, signal: AbortSignal): Promise<UploadScanStatus> {
  const { scanner, log } = needs
  if (scanner === undefined) return 'skipped'
  const whole = async function* () {
    yield bytes
  }
  return statusAfter(log, await runScan({ ...needs, scanner }, 'upload', whole(), { signal }))
}

/** A scan that is given a file's bytes by whoever receives them. */
export type ScanFeed = {
  /** Resolves when the scanner took so much that more may come, or wants no more. Never throws. */
  take(chunk: Uint8Array): Promise<void>
  /** All bytes were given: how the file stands. Throws `infected`. Whoever asks again gets the same. */
  finish(): Promise<UploadScanStatus>
  /** Ends the scan of a file that is refused for something else; nothing to do after `finish`. */
  giveUp(): void
}

/** Scans a large file while it comes. Without a scanner there is nothing to feed. */
export function startStreamScan(needs: ScanNeeds, signal: AbortSignal): ScanFeed {
  const { scanner, log } = needs
  if (scanner === undefined)
    return { take: async () => undefined, finish: async () => 'skipped', giveUp: () => undefined }

  const stream = new PassThrough()
  // The scanner hears of it once it reads. While it waits for its turn nobody does, and an error that nobody hears ends the process.
  stream.on('error', () => undefined)
  const verdict = runScan({ ...needs, scanner }, 'upload', stream, { signal })
  // Nobody asks for it where the file is refused for something else. A scanner that wants no more may not have begun to read.
  const closed = verdict.catch(() => undefined).then(() => void stream.destroy())
  let status: Promise<UploadScanStatus> | undefined
  return {
    async take(chunk) {
      if (stream.destroyed || stream.write(chunk)) return
      await Promise.race([once(stream, 'drain').catch(() => undefined), closed])
    },
    finish() {
      if (status === undefined && !stream.destroyed) stream.end()
      status ??= verdict.then((said) => statusAfter(log, said))
      return status
    },
    giveUp: () => void stream.destroy(new Error('The file is not kept.')),
  }
}

function statusAfter(log: Logger, verdict: Verdict): UploadScanStatus {
  switch (verdict.kind) {
    case 'clean':
      return 'clean'
    case 'cannot_say':
      log.warn({ event: 'upload_not_scanned', why: verdict.why }, 'a file is kept unscanned, and not given out before')
      return 'pending'
    case 'infected': {
      const { signature } = verdict
      log.warn({ event: 'upload_infected', signature }, 'a virus was found in a file that somebody handed in')
      throw new AppError(
        'infected',
        `A virus was found in this file (${signature}), and it was not kept. Have the computer that it comes from looked at, and send a clean copy.`,
        { details: { signature } },
      )
    }
  }
}

/** `upload`: before it is kept. `waiting`: it was kept without a verdict. `again`: it was clean, and the scanner knows more by now. */
export type ScanOccasion = 'upload' | 'waiting' | 'again'

export type Scanning = { scanner: Scanner; metrics: Pick<Metrics, 'scans' | 'scansUndecided' | 'scanSeconds'> }

/** The one way to a verdict: asks the scanner, and counts what it said. */
export async function runScan(
  { scanner, metrics }: Scanning,
  occasion: ScanOccasion,
  bytes: AsyncIterable<Uint8Array>,
  options: ScanOptions,
): Promise<Verdict> {
  const startedAt = performance.now()
  const verdict = await scanner.scan(bytes, options)
  metrics.scans.inc({ occasion, verdict: verdict.kind })
  metrics.scanSeconds.observe({ verdict: verdict.kind }, (performance.now() - startedAt) / 1000)
  if (verdict.kind === 'cannot_say') metrics.scansUndecided.inc({ reason: verdict.why })
  return verdict
}
