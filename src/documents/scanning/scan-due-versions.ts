import type { EventActor } from '../../database/audit/events.ts'
import { claimDueScans, type DueKind, type DueScan, listInfectedWithBytes } from '../../database/documents/scans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { ReachableStore } from '../stores/reachable-stores.ts'
import { createThrottle } from '../stores/walk-versions.ts'
import { scheduleRescans } from './schedule-scans.ts'
import { quarantineLater } from './quarantine-version.ts'
import { type ScanOutcome, scanVersion, type ScanVersionNeeds } from './scan-version.ts'

export type ScanStoredNeeds = Omit<ScanVersionNeeds, 'scanner' | 'metrics'> & {
  scanner: Scanner | undefined
  metrics: ScanVersionNeeds['metrics'] & Pick<Metrics, 'scannerUp'>
}

export type Scanned = Partial<Record<ScanOutcome | 'put_aside' | 'due_again', number>>

const filesAtOnce = 4
/** Limits the load of rescans on scanner and stores: nobody waits for them. */
const rescanBytesPerSecond = 8 * 1024 * 1024

type Sweep = { needs: ScanVersionNeeds; actor: EventActor; here: ReachableStore; signal: AbortSignal; scanned: Scanned }

/**
 * Scans the due versions of one store: first the pending ones, then, at a bounded rate, clean ones: the last month's after
 * new signatures, each once a quarter. Ends when nothing is due or the scanner is away. Several may run at once: each
 * version is claimed for its scan.
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
  if (identity.signatures !== undefined)
    count(scanned, 'due_again', await scheduleRescans(sweep.needs, identity.signatures, signal))

  const throttle = createThrottle(rescanBytesPerSecond, signal)
  while (!signal.aborted) {
    const waiting = await scanPage(sweep, 'waiting', async () => undefined)
    if (waiting === 'away') return scanned
    if (waiting === 'some') continue
    // One page of rescans, then new pending files come first again.
    if ((await scanPage(sweep, 'again', throttle)) !== 'some') return scanned
  }
  return scanned
}

const infectedPageSize = 100

/** Infected versions whose move to quarantine was killed or failed. */
async function resumeQuarantines({ needs, here, scanned, signal }: Sweep): Promise<void> {
  let page: Awaited<ReturnType<typeof listInfectedWithBytes>> = []
  do {
    // Paged by key: those that are on another disk stay in the list.
    page = await listInfectedWithBytes(needs.db, here, { after: page.at(-1), limit: infectedPageSize })
    for (const version of page) if (await quarantineLater(needs, here, version)) count(scanned, 'put_aside')
  } while (page.length === infectedPageSize && !signal.aborted)
}

/** `away`: the scanner does not answer. */
async function scanPage(
  { needs, actor, here, signal, scanned }: Sweep,
  kind: DueKind,
  throttle: (bytes: number) => Promise<void>,
): Promise<'some' | 'none' | 'away'> {
  const due = await claimDueScans(needs.db, here, kind, filesAtOnce)
  const results = await Promise.allSettled(
    due.map(async (version: DueScan) => {
      await throttle(version.fileSize)
      const outcome = await scanVersion(needs, actor, { here, version, occasion: kind, signal })
      count(scanned, outcome)
      return outcome
    }),
  )
  // Thrown only now, so that no scan runs on after the sweep has ended.
  const outcomes = results.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
  if (outcomes.includes('no_scanner')) return 'away'
  return due.length === 0 ? 'none' : 'some'
}

function count(scanned: Scanned, what: keyof Scanned, more = 1): void {
  if (more > 0) scanned[what] = (scanned[what] ?? 0) + more
}
