import type { EventActor } from '../../database/audit/events.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { createThrottle } from '../stores/walk-versions.ts'
import type { ReachableStore } from '../stores/stores.ts'
import { quarantineLater, type ScanOutcome, scanVersion, type ScanVersionNeeds } from './scan-version.ts'
import {
  claimDueScans,
  type DueKind,
  type DueScan,
  listInfectedWithBytes,
  makeRecentDue,
  recordSignatures,
} from '../../database/documents/scans.ts'

export type ScanStoredNeeds = Omit<ScanVersionNeeds, 'scanner' | 'metrics'> & {
  scanner: Scanner | undefined
  metrics: ScanVersionNeeds['metrics'] & Pick<Metrics, 'scannerUp'>
}

export type Scanned = Partial<Record<ScanOutcome | 'put_aside' | 'due_again', number>>

const filesAtOnce = 4
/** What is clean waits for nobody: so much of the scanner's and the stores' time is taken for it, at most. */
const bytesPerSecondAgain = 8 * 1024 * 1024
/** Newer than so, a file may carry what nobody knew when it came. */
const daysOfRecent = 30
const rowsPerStep = 1000

type Sweep = { needs: ScanVersionNeeds; actor: EventActor; here: ReachableStore; signal: AbortSignal; scanned: Scanned }

/**
 * Scans what is due in one store: first pending files, then, at a bounded rate, clean ones: the last month's after new
 * signatures, each once a quarter. Ends when nothing is due or the scanner is away. Several may run at once.
 */
export async function scanStored(
  { scanner, ...needs }: ScanStoredNeeds,
  actor: EventActor,
  here: ReachableStore,
  signal: AbortSignal,
): Promise<Scanned> {
  const scanned: Scanned = {}
  if (scanner === undefined) return scanned
  const sweep: Sweep = { needs: { ...needs, scanner }, actor, here, signal, scanned }
  await resumeQuarantines(sweep)
  const identity = await scanner.identify()
  needs.metrics.scannerUp.set(identity === undefined ? 0 : 1)
  if (identity === undefined) return scanned
  if (identity.signatures !== undefined) await scheduleRescans(sweep, identity.signatures)

  const pace = createThrottle(bytesPerSecondAgain, signal)
  while (!signal.aborted) {
    const waiting = await scanSome(sweep, 'waiting', async () => undefined)
    if (waiting === 'away') return scanned
    if (waiting === 'some') continue
    // One page, so that what comes meanwhile need not wait for all of them.
    if ((await scanSome(sweep, 'again', pace)) !== 'some') return scanned
  }
  return scanned
}

const pageOfInfected = 100

/** Of an attempt that was killed, or could not reach the store. */
async function resumeQuarantines({ needs, here, scanned, signal }: Sweep): Promise<void> {
  let page: Awaited<ReturnType<typeof listInfectedWithBytes>> = []
  do {
    // Behind those of the page before: some may lie on another disk, and stay.
    page = await listInfectedWithBytes(needs.db, here, { after: page.at(-1), limit: pageOfInfected })
    for (const version of page) if (await quarantineLater(needs, here, version)) count(scanned, 'put_aside')
  } while (page.length === pageOfInfected && !signal.aborted)
}

async function scheduleRescans({ needs, scanned, signal }: Sweep, signatures: number): Promise<void> {
  if (await recordSignatures(needs.db, signatures))
    needs.log.info({ event: 'new_signatures', signatures }, 'the scanner knows more: recent files are scanned again')
  // Also after an instance that was killed in the middle of it.
  for (let rows = rowsPerStep; rows === rowsPerStep && !signal.aborted;) {
    rows = await makeRecentDue(needs.db, { days: daysOfRecent, limit: rowsPerStep })
    count(scanned, 'due_again', rows)
  }
}

/** A page of one kind. `away`: the scanner is not there for more. */
async function scanSome(
  { needs, actor, here, signal, scanned }: Sweep,
  kind: DueKind,
  pace: (bytes: number) => Promise<void>,
): Promise<'some' | 'none' | 'away'> {
  const due = await claimDueScans(needs.db, here, kind, filesAtOnce)
  const settled = await Promise.allSettled(
    due.map(async (version: DueScan) => {
      await pace(version.fileSize)
      const outcome = await scanVersion(needs, actor, { here, version, occasion: kind, signal })
      count(scanned, outcome)
      return outcome
    }),
  )
  // Only now, so that none is at work when the sweep has ended.
  const outcomes = settled.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
  if (outcomes.includes('no_scanner')) return 'away'
  return due.length === 0 ? 'none' : 'some'
}

function count(scanned: Scanned, what: keyof Scanned, more = 1): void {
  if (more > 0) scanned[what] = (scanned[what] ?? 0) + more
}
