import { Counter, Histogram, type Registry } from 'prom-client'

import { fromZero } from './metrics-from-zero.ts'

const occasions = ['upload', 'waiting', 'again']
const verdicts = ['clean', 'infected', 'cannot_say']
const scanSeconds = [0.01, 0.05, 0.25, 1, 5, 15, 60, 180]

/** What the virus scanner said. */
export function makeScanMetrics(registers: Registry[]) {
  return {
    scans: fromZero(
      new Counter({
        name: 'scans_total',
        help: 'Verdicts of the virus scanner, of files on their way in (upload), of those that were kept without one (waiting), and of clean ones that were looked at once more (again).',
        labelNames: ['occasion', 'verdict'] as const,
        registers,
      }),
      occasions.flatMap((occasion) => verdicts.map((verdict) => ({ occasion, verdict }))),
    ),
    scansUndecided: new Counter({
      name: 'scans_undecided_total',
      help: 'Why the scanner could not say: not there, no connection free, no answer in time, cut off, past its limits, a password, an answer that nobody knows.',
      labelNames: ['why'] as const,
      registers,
    }),
    scanSeconds: new Histogram({
      name: 'scan_duration_seconds',
      help: 'Time from the first byte sent to the scanner to its verdict; of a large upload it includes the time that its bytes took to come.',
      labelNames: ['verdict'] as const,
      buckets: scanSeconds,
      registers,
    }),
  }
}
