import type { Logger } from 'pino'

import type { Db } from '../../database/connection/client.ts'
import { type DueScan, makeRecentDue, postponeScan, recordSignatures } from '../../database/documents/scans.ts'
import type { InconclusiveReason } from '../../scanner/scanner.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'

type Needs = { db: Db; log: Logger; now: Clock }

/** A clean version is scanned again after this time. */
export const rescanDays = 90

/** New signatures may detect viruses that were unknown when these files were uploaded. */
const recentDays = 30
const rowsAtOnce = 1000

/** Without a verdict: the pause doubles with each attempt. */
const firstPauseSeconds = 30
const maxPauseSeconds = 6 * 60 * 60
const dayMs = 24 * 60 * 60 * 1000

function pauseAfter(attempts: number): number {
  return Math.min(maxPauseSeconds, firstPauseSeconds * 2 ** Math.min(attempts, 20))
}

/** Makes the recent clean versions due if these signatures are new. Returns their number. */
export async function scheduleRescans(
  { db, log }: Pick<Needs, 'db' | 'log'>,
  signatures: number,
  signal: AbortSignal,
): Promise<number> {
  if (await recordSignatures(db, signatures))
    log.info({ event: 'new_signatures', signatures }, 'new signatures found, rescanning recent files')
  let due = 0
  // Also without new ones: an earlier instance may have died in the middle of this.
  for (let rows = rowsAtOnce; rows === rowsAtOnce && !signal.aborted; due += rows)
    rows = await makeRecentDue(db, { days: recentDays, limit: rowsAtOnce })
  return due
}

/** The scan was stopped: another process may begin at once. */
export async function scanAgainAtOnce({ db }: Pick<Needs, 'db'>, version: DueScan): Promise<void> {
  await postponeScan(db, version, { seconds: 0, isFilesDoing: false })
}

/** `elsewhere`: the file may be on another disk, whose process must claim it. */
export async function postponeUnread(
  { db }: Pick<Needs, 'db'>,
  version: DueScan,
  why: 'unread' | 'elsewhere',
): Promise<void> {
  const isFilesDoing = why === 'unread'
  // Random: a process without the file, in step with the one that has it, would otherwise always claim it first.
  const seconds = isFilesDoing ? pauseAfter(version.attempts) : 1 + Math.random() * 60
  await postponeScan(db, version, { seconds, isFilesDoing })
}

/** An absent scanner says nothing about the file. A scanner that fails on it may fail on it again. */
export async function postponeUndecided(
  { db, log, now }: Needs,
  version: DueScan,
  why: InconclusiveReason,
): Promise<'undecided' | 'no_scanner'> {
  if (why === 'unreachable' || why === 'busy') {
    await scanAgainAtOnce({ db }, version)
    return 'no_scanner'
  }
  await postponeScan(db, version, { seconds: pauseAfter(version.attempts), isFilesDoing: true })
  const isOverdue = now().getTime() - version.waitingSince.getTime() > dayMs
  const about = { ...aboutVersion(version), why, attempts: version.attempts + 1 }
  if (version.scanStatus !== 'clean' && isOverdue)
    log.error({ event: 'scan_overdue', ...about }, 'no scan verdict for more than a day')
  else log.warn({ event: 'scan_undecided', ...about }, 'no scan verdict, trying again later')
  return 'undecided'
}

/** The version in a line of the log. */
export function aboutVersion({ firmId, documentId, version }: DueScan) {
  return { firm_id: firmId, document_id: documentId, version }
}
