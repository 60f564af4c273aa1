import { once } from 'node:events'
import { PassThrough } from 'node:stream'

import type { Logger } from 'pino'

import { AppError } from '../../errors/app-error.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Scanner, ScanOptions, Verdict } from '../../scanner/scanner.ts'
import type { ScanStatus } from '../../vocabulary/vocabulary.ts'

export type ScanNeeds = Pick<Scanning, 'metrics'> & { scanner: Scanner | undefined; log: Logger }

/** The scan status of a stored upload: an infected one is never stored. */
export type UploadScanStatus = Exclude<ScanStatus, 'infected'>

/** A scan that receives a file's bytes as they arrive. */
export type ScanFeed = {
  /** Resolves when the scanner is ready for more bytes, or wants no more. Never throws. */
  take(chunk: Uint8Array): Promise<void>
  /** Ends the bytes and waits for the verdict. Throws `infected`. Further calls return the same promise. */
  finish(): Promise<UploadScanStatus>
  /** Ends the scan of a file that is rejected for another reason. Has no effect after `finish`. */
  giveUp(): void
}

/** Starts a scan, or a feed that drops all bytes if there is no scanner. A scanner without a verdict delays no upload. */
export function startStreamScan(needs: ScanNeeds, signal: AbortSignal): ScanFeed {
  const { scanner, log } = needs
  if (scanner === undefined)
    return { take: async () => undefined, finish: async () => 'skipped', giveUp: () => undefined }

  const stream = new PassThrough()
  // Until the scanner reads, nobody else listens, and an unhandled stream error ends the process.
  stream.on('error', () => undefined)
  const verdict = runScan({ ...needs, scanner }, 'upload', stream, { signal })
  // A rejected file's verdict is not awaited, and a scanner that wants no more may never have read.
  const closed = verdict.catch(() => undefined).then(() => void stream.destroy())
  let status: Promise<UploadScanStatus> | undefined
  return {
    async take(chunk) {
      if (stream.destroyed || stream.write(chunk)) return
      await Promise.race([once(stream, 'drain').catch(() => undefined), closed])
    },
    finish() {
      if (status === undefined && !stream.destroyed) stream.end()
      status ??= verdict.then((found) => statusAfter(log, found))
      return status
    },
    giveUp: () => void stream.destroy(new Error('The file is rejected.')),
  }
}

/** Scans a file in memory. Throws `infected`. */
export async function scanBuffer(needs: ScanNeeds, bytes: Buffer, signal: AbortSignal): Promise<UploadScanStatus> {
  const scan = startStreamScan(needs, signal)
  await scan.take(bytes)
  return scan.finish()
}

function statusAfter(log: Logger, verdict: Verdict): UploadScanStatus {
  switch (verdict.kind) {
    case 'clean':
      return 'clean'
    case 'cannot_say':
      log.warn(
        { event: 'upload_not_scanned', why: verdict.why },
        'upload stored without a scan, not served until scanned',
      )
      return 'pending'
    case 'infected': {
      const { signature } = verdict
      log.warn({ event: 'upload_infected', signature }, 'virus found in an upload, rejected')
      throw new AppError(
        'infected',
        `This file contains a virus (${signature}) and was not stored. Have its computer checked, then send a clean copy.`,
        { details: { signature } },
      )
    }
  }
}

/** `upload`: before the file is stored. `waiting`: stored without a verdict. `again`: was clean, new signatures since. */
export type ScanOccasion = 'upload' | 'waiting' | 'again'

export type Scanning = { scanner: Scanner; metrics: Pick<Metrics, 'scans' | 'scansUndecided' | 'scanSeconds'> }

/** Scans and counts the verdict. Every scan goes through this function. */
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
