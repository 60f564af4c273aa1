import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import { fromZero } from './metrics-from-zero.ts'

const occasions = ['upload', 'waiting', 'again']
const verdicts = ['clean', 'infected', 'cannot_say']
const scanSeconds = [0.01, 0.05, 0.25, 1, 5, 15, 60, 180]

/** What the virus scanner said, and what waits for its word. */
export function makeScanMetrics(registers: Registry[]) {
  return { ...makeVerdicts(registers), ...makeLevels(registers) }
}

function makeVerdicts(registers: Registry[]) {
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

function makeLevels(registers: Registry[]) {
  return {
    scannerUp: new Gauge({
      name: 'scanner_up',
      help: '1 when the virus scanner answered the last look, else 0; absent where none is set.',
      registers,
    }),
    scansWaiting: new Gauge({
      name: 'scans_waiting',
      help: 'Versions of documents that are not given out before their scan, over all instances; counted up to 10000.',
      registers,
    }),
    scansWaitingOldest: new Gauge({
      name: 'scans_waiting_oldest_seconds',
      help: 'For how long the oldest of those that were tried has waited for a verdict; 0 when none does.',
      registers,
    }),
    infectedVersions: new Gauge({
      name: 'infected_versions',
      help: 'Versions of documents in which a virus was found after they were kept, and that are in quarantine; counted up to 10000.',
      registers,
    }),
  }
}
