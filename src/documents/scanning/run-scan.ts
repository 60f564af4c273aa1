import type { Metrics } from '../../metrics.ts'
import type { ScanOptions, Scanner, Verdict } from '../../scanner/scanner.ts'

/** `upload`: before it is kept. `waiting`: it was kept without a verdict. `again`: it was clean, and the scanner knows more by now. */
export type Occasion = 'upload' | 'waiting' | 'again'

export type Scanning = { scanner: Scanner; metrics: Pick<Metrics, 'scans' | 'scansUndecided' | 'scanSeconds'> }

/** The one way to a verdict: asks the scanner, and counts what it said. */
export async function runScan(
  { scanner, metrics }: Scanning,
  occasion: Occasion,
  bytes: AsyncIterable<Uint8Array>,
  options: ScanOptions,
): Promise<Verdict> {
  const startedAt = performance.now()
  const verdict = await scanner.scan(bytes, options)
  metrics.scans.inc({ occasion, verdict: verdict.kind })
  metrics.scanSeconds.observe({ verdict: verdict.kind }, (performance.now() - startedAt) / 1000)
  if (verdict.kind === 'cannot_say') metrics.scansUndecided.inc({ why: verdict.why })
  return verdict
}
