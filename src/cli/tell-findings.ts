import { type Finding, type FindingKind, findingKinds } from '../documents/verifying/verification.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount } from './progress.ts'

const mostShown = 20
const mostListed = 100

type Line = ReturnType<typeof lineOf>

export type FindingsTold = {
  tell(finding: Finding): void
  /** All counts, and the first of each kind by name, for machines. */
  summary(): Record<FindingKind, { count: number; first: Line[] }>
  /** Says how many of each kind were not shown. */
  sayRest(): void
}

const isGood: Record<FindingKind, boolean> = {
  missing: false,
  wrong: false,
  unchecked: false,
  late_fallback: false,
  stray: false,
  stray_upload: false,
  restored: true,
  quarantined: true,
  finished: true,
  aborted: true,
}

/** Names findings to people as they come, a few of each kind, and keeps a hundred of each for machines: of a million that is enough. */
export function tellingOfFindings(print: Printer, say: (line: string) => void, now: Date): FindingsTold {
  const told = new Map<FindingKind, { count: number; first: Line[] }>(
    findingKinds.map((kind) => [kind, { count: 0, first: [] }]),
  )
  const of = (kind: FindingKind) => told.get(kind) ?? { count: 0, first: [] }
  return {
    tell(finding) {
      const { kind } = finding
      const sofar = of(kind)
      sofar.count += 1
      if (sofar.first.length < mostListed) sofar.first.push(lineOf(finding))
      if (sofar.count > mostShown) return
      const mark = isGood[kind] ? print.paint('green', '✓') : print.paint('red', '✗')
      say(`${mark} ${kind.replaceAll('_', ' ')}: ${describe(finding, now)}`)
    },
    // Its keys are those of the list.
    summary: () => Object.fromEntries(told) as ReturnType<FindingsTold['summary']>,
    sayRest() {
      for (const kind of findingKinds) {
        const rest = of(kind).count - mostShown
        if (rest > 0) say(`… and ${inCount(rest)} more ${kind.replaceAll('_', ' ')}; --report FILE has them all.`)
      }
    },
  }
}

/** One finding for machines. */
export function lineOf({ kind, store, storeId, key, bytes, document, since, why }: Finding) {
  return {
    kind,
    store,
    store_id: storeId,
    key,
    ...(bytes !== undefined && { bytes }),
    ...(document && { firm_id: document.firmId, document_id: document.documentId, version: document.version }),
    ...(since && { since: since.toISOString() }),
    why,
  }
}

function describe({ store, storeId, key, bytes, document, since, why }: Finding, now: Date): string {
  const whose = document && `document ${document.documentId} version ${document.version} of firm ${document.firmId}, `
  const where = store === 's3' ? 'on S3' : `on disk ${storeId ?? 'unknown'}`
  const size = document === undefined && bytes !== undefined ? `, ${inBytes(bytes)}` : ''
  const age = since === undefined ? '' : `, ${inAge(now.getTime() - since.getTime())} old`
  return `${whose ?? ''}${key === null ? '' : `${key} `}${where}${size}${age}: ${why}`
}

function inAge(ms: number): string {
  const hours = ms / 3_600_000
  if (hours < 1) return `${Math.max(0, Math.round(hours * 60))} min`
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`
}
