import type { ScanStatus } from '../../../src/vocabulary/vocabulary.ts'
import {
  allVersions,
  differs,
  type Doubtful,
  type KnownVersion,
  type Model,
  type ScannerState,
} from '../state/model.ts'

/** What is known of a file only ever goes this way. */
const order = ['skipped', 'pending', 'clean', 'infected'] as const satisfies ScanStatus[]

const inOrder = (scans: Iterable<ScanStatus>) => {
  const all = new Set(scans)
  return order.filter((each) => all.has(each))
}

type Scanned = Pick<KnownVersion, 'sha256' | 'scans'>

/** What is found in a file that is uploaded while the scanner is in this state; `infected` is refused, and the others are kept so. */
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

/** What may be known of a version by now: while its scanner answers at all, it may have been scanned at any moment. */
export function scansOf({ scanner, viruses }: Model, { sha256, scans }: Scanned): readonly ScanStatus[] {
  if (scanner === 'none' || scanner === 'down') return scans
  const isVirus = viruses.has(sha256)
  const later: ScanStatus[] = []
  if (scans.includes('pending')) later.push(isVirus ? 'infected' : 'clean')
  if (scans.includes('clean') && isVirus) later.push('infected')
  return inOrder([...scans, ...later])
}

const isServed = (scan: ScanStatus) => scan === 'clean' || scan === 'skipped'

/** Whether people may be given it by now, and whether anything may stand before that. */
export function servingOf(model: Model, version: Scanned): { may: boolean; must: boolean } {
  const scans = scansOf(model, version)
  return { may: scans.some(isServed), must: scans.every(isServed) }
}

/** Somebody saw it in this state, so that it was in none that comes later, and will be in none that comes before. */
export function noteScanned(model: Model, version: KnownVersion, seen: ScanStatus, how = `shown as ${seen}`): void {
  const scans = scansOf(model, version)
  if (!scans.includes(seen)) differs(`“${version.fileName}” is ${how}, and its scan is ${scans.join(' or ')}`)
  version.scans = scans.filter((each) => order.indexOf(each) >= order.indexOf(seen))
}

/** That people were given it, or not. */
export function noteGiven(model: Model, version: KnownVersion, how: 'given' | 'scan_pending' | 'quarantined'): void {
  const seen: Record<typeof how, ScanStatus> = {
    given: model.scanner === 'none' ? 'skipped' : 'clean',
    scan_pending: 'pending',
    quarantined: 'infected',
  }
  noteScanned(model, version, seen[how], how === 'given' ? 'given to people' : `refused as ${how}`)
}

/** What may have come of everything so far. Before the scanner, or what it knows, becomes another. */
function noteScansSoFar(model: Model): void {
  for (const version of [...allVersions(model), ...doubtsOf(model)]) version.scans = scansOf(model, version)
}

const doubtsOf = ({ firms }: Model): Doubtful[] => Object.values(firms).flatMap(({ doubtful }) => doubtful)

export function noteScanner(model: Model, state: Exclude<ScannerState, 'none'>): void {
  noteScansSoFar(model)
  model.scanner = state
  noteScansSoFar(model)
}

/** The scanner finds something in this file from now on. */
export function noteVirus(model: Model, sha256: string): void {
  noteScansSoFar(model)
  model.viruses.add(sha256)
}

/** Nothing waits for its scan any more, and all that was scanned before the newest signatures was scanned again. */
export function noteAllScanned(model: Model): void {
  if (model.scanner === 'none') return
  for (const version of [...allVersions(model), ...doubtsOf(model)])
    version.scans = [model.viruses.has(version.sha256) ? 'infected' : 'clean']
}

/** Where it may be one of several. */
export const unionOf = (each: (readonly ScanStatus[])[]): readonly ScanStatus[] => inOrder(each.flat())
