import { createHash } from 'node:crypto'

import type { Logger } from 'pino'

import type { EventActor } from '../../database/audit/events.ts'
import { type DueScan, recordClean, recordInfected } from '../../database/documents/scans.ts'
import type { Verdict } from '../../scanner/scanner.ts'
import { isMissing } from '../../storage/file-store.ts'
import { type ReportNeeds, reportDamaged } from '../stores/report-damaged.ts'
import type { RemoveNeeds } from '../stores/remove-blobs.ts'
import type { ReachableStore } from '../stores/reachable-stores.ts'
import { runScan, type Scanning, type ScanOccasion } from '../upload/scan-upload.ts'
import { mayBeElsewhere, quarantineLater } from './quarantine-version.ts'
import { aboutVersion, postponeUndecided, postponeUnread, rescanDays, scanAgainAtOnce } from './schedule-scans.ts'

export type ScanVersionNeeds = RemoveNeeds & ReportNeeds & Scanning

/**
 * - `undecided`: the scanner has no verdict; the next attempts come later and later.
 * - `no_scanner`: the scanner is away or busy, which says nothing about this file.
 * - `unread`: the file could not be read here, or not completely.
 */
export type ScanOutcome = 'clean' | 'infected' | 'undecided' | 'no_scanner' | 'unread'

/** The time limit of a scan that nobody waits for. */
const verdictMs = 180_000

type Scan = { here: ReachableStore; version: DueScan; occasion: ScanOccasion; signal: AbortSignal }

/**
 * Scans one stored version that is claimed for it, and acts on the verdict. If the process dies, the claim expires and the
 * version is scanned again; an infected one that is recorded but not yet in quarantine is never served, and the next sweep
 * moves it. Throws if the database does not answer.
 */
export async function scanVersion(needs: ScanVersionNeeds, actor: EventActor, scan: Scan): Promise<ScanOutcome> {
  const { version } = scan
  const startedAt = performance.now()
  const verdict = await readAndScan(needs, actor, scan)
  if (verdict === 'unread' || verdict === 'elsewhere') {
    await postponeUnread(needs, version, verdict)
    return 'unread'
  }
  switch (verdict.kind) {
    case 'clean':
      await recordClean(needs.db, actor, version, { secondsAgo: (performance.now() - startedAt) / 1000, rescanDays })
      return 'clean'
    case 'infected':
      await handleInfected(needs, actor, scan, verdict.signature)
      return 'infected'
    case 'cannot_say':
      return await postponeUndecided(needs, version, verdict.why)
  }
}

async function handleInfected(
  needs: ScanVersionNeeds,
  actor: EventActor,
  { here, version }: Scan,
  signature: string,
): Promise<void> {
  const { recorded } = await recordInfected(needs.db, actor, version, signature)
  if (!recorded) return
  const about = { ...aboutVersion(version), signature }
  needs.log.error({ event: 'document_quarantined', ...about }, 'virus found in a stored document, moving to quarantine')
  await quarantineLater(needs, here, { ...version, signature })
}

/** `unread`: the file could not be read completely and correctly. `elsewhere`: it may be on another disk. */
async function readAndScan(
  needs: ScanVersionNeeds,
  actor: EventActor,
  { here, version, occasion, signal }: Scan,
): Promise<Verdict | 'unread' | 'elsewhere'> {
  const seen = { size: 0, hash: createHash('sha256') }
  const readBlob = async function* () {
    // Opened by the first read, when it is this scan's turn: S3 closes an idle connection, which looks like an outage.
    // A store yields buffers, which a stream's type cannot express.
    for await (const piece of (await here.files.read(version.key)) as AsyncIterable<Buffer>) {
      seen.size += piece.length
      seen.hash.update(piece)
      yield piece
    }
  }
  try {
    const verdict = await runScan(needs, occasion, readBlob(), { signal, verdictMs })
    if (verdict.kind === 'cannot_say') return verdict
    const isWhole = seen.size === version.fileSize && [null, seen.hash.digest('hex')].includes(version.sha256)
    if (isWhole || verdict.kind === 'infected') return verdict
    logUnread(needs.log, version, { why: 'other bytes than were stored' })
  } catch (error) {
    if (signal.aborted) {
      await scanAgainAtOnce(needs, version)
      throw signal.reason
    }
    if (isMissing(error) && mayBeElsewhere(version)) return 'elsewhere'
    if (isMissing(error)) await reportDamaged(needs, actor, version, 'missing')
    else logUnread(needs.log, version, { err: error })
  }
  return 'unread'
}

function logUnread(log: Logger, { store, key }: DueScan, reason: { why: string } | { err: unknown }): void {
  log.warn({ event: 'scan_unread', store, key, ...reason }, 'file could not be read for its scan')
}
