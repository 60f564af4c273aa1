import type { ScanStatus } from '../../../src/vocabulary/vocabulary.ts'
import {
  allVersions,
  differs,
  type Doubtful,
  type KnownVersion,
  type Model,
  type ScannerState,
} from '../state/model.ts'

/** The scan status of a file changes only in this order. */
const order = ['skipped', 'pending', 'clean', 'infected'] as const satisfies ScanStatus[]

const inOrder = (scans: Iterable<ScanStatus>) => {
  const all = new Set(scans)
  return order.filter((each) => all.has(each))
}

type Scanned = Pick<KnownVersion, 'sha256' | 'scans'>

/**
 * The scan status of a file that is uploaded in this state of the scanner. `infected` is rejected; all others are
 * stored.
 */
export function findingsOn({ viruses }: Model, scanner: ScannerState, sha256: string): readonly ScanStatus[] {
  const verdict = viruses.has(sha256) ? 'infected' : 'clean'
  switch (scanner) {
    case 'none':
      return ['skipped']
    case 'up':
    case 'slow':
      return [verdict]
    case 'down':
      return ['pending']
    case 'cutting':
      return ['pending', verdict]
  }
}

/** The possible scan statuses of a version now: while its scanner answers, it may have been scanned at any moment. */
export function scansOf({ scanner, viruses }: Model, { sha256, scans }: Scanned): readonly ScanStatus[] {
  if (scanner === 'none' || scanner === 'down') return scans
  const isVirus = viruses.has(sha256)
  const later: ScanStatus[] = []
  if (scans.includes('pending')) later.push(isVirus ? 'infected' : 'clean')
  if (scans.includes('clean') && isVirus) later.push('infected')
  return inOrder([...scans, ...later])
}

const isServed = (scan: ScanStatus) => scan === 'clean' || scan === 'skipped'

/** Whether the version may be served now, and whether it may also not be. */
export function servingOf(model: Model, version: Scanned): { may: boolean; must: boolean } {
  const scans = scansOf(model, version)
  return { may: scans.some(isServed), must: scans.every(isServed) }
}

/** An answer showed this status, so the version was in no later status before, and will be in no earlier one. */
export function noteScanned(model: Model, version: KnownVersion, seen: ScanStatus, how = `shown as ${seen}`): void {
  const scans = scansOf(model, version)
  if (!scans.includes(seen)) differs(`“${version.fileName}” is ${how}, and its scan is ${scans.join(' or ')}`)
  version.scans = scans.filter((each) => order.indexOf(each) >= order.indexOf(seen))
}

/** Notes whether the version was served. */
export function noteGiven(model: Model, version: KnownVersion, how: 'given' | 'scan_pending' | 'quarantined'): void {
  const seen: Record<typeof how, ScanStatus> = {
    given: model.scanner === 'none' ? 'skipped' : 'clean',
    scan_pending: 'pending',
    quarantined: 'infected',
  }
  noteScanned(model, version, seen[how], how === 'given' ? 'given to people' : `refused as ${how}`)
}

/** Updates the possible statuses before the scanner or its signatures change. */
function noteScansSoFar(model: Model): void {
  for (const version of [...allVersions(model), ...doubtsOf(model)]) version.scans = scansOf(model, version)
}

const doubtsOf = ({ firms }: Model): Doubtful[] => Object.values(firms).flatMap(({ doubtful }) => doubtful)

export function noteScanner(model: Model, state: Exclude<ScannerState, 'none'>): void {
  noteScansSoFar(model)
  model.scanner = state
  noteScansSoFar(model)
}

/** From now on the scanner detects this file. */
export function noteVirus(model: Model, sha256: string): void {
  noteScansSoFar(model)
  model.viruses.add(sha256)
}

/** No file is pending any more, and all files scanned before the newest signatures were scanned again. */
export function noteAllScanned(model: Model): void {
  if (model.scanner === 'none') return
  for (const version of [...allVersions(model), ...doubtsOf(model)])
    version.scans = [model.viruses.has(version.sha256) ? 'infected' : 'clean']
}

/** True if the file may be one of several statuses. */
export const unionOf = (each: (readonly ScanStatus[])[]): readonly ScanStatus[] => inOrder(each.flat())
