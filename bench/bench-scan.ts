import { freshBucket } from '../test/support/s3/fresh-bucket.ts'
import { obtainServices } from '../test/support/services/obtain-services.ts'
import { benchMemory, largeUploads, type MemoryResult } from './bench-memory.ts'
import { largeBytes, smallBytes } from './bench-uploads.ts'
import { type Contender, type Measured, measureInTurns, type Spread, spreadOf, timesAsLong } from './figures/measure.ts'
import { type Bench, emptyBucket } from './load/prepare.ts'
import { readPeakMiB } from './figures/read-process.ts'
import { type Service, startService } from './load/start-service.ts'

export type ScanCase = {
  fileBytes: number
  atOnce: number
  /** Uploads a second. */
  scanned: number
  unscanned: number
  timesUnscanned: Spread
  scannedCpuMs: Spread
  unscannedCpuMs: Spread
  timesCpu: Spread
}

export type ScanResult = { cases: ScanCase[]; scannedPeakMiB: number; unscannedPeakMiB: number; memory: MemoryResult }

const cases = [
  { fileBytes: smallBytes, atOnce: 1, count: 100 },
  { fileBytes: smallBytes, atOnce: 32, count: 600 },
  { fileBytes: largeBytes, atOnce: 1, count: 12 },
  { fileBytes: largeBytes, atOnce: 32, count: 96 },
]

const warmUp = { count: 500, atOnce: 32 }

/** The service with a scanner against the same service without one. */
export async function benchScan(bench: Bench): Promise<ScanResult> {
  await using opened = new AsyncDisposableStack()
  const { addresses, stop } = await obtainServices(['clamd'], process.env)
  opened.defer(stop)
  // Each of the two is an installation with a bucket of its own.
  const second = await freshBucket(bench.bucket.s3)
  opened.defer(() => second.remove())
  const benches = [bench, { ...bench, bucket: second }] as const
  const maxUploadBytes = 10 * 1024 * 1024
  const scanned = await startService(benches[0], { maxUploadBytes, clamdUrl: addresses.clamd.url })
  opened.defer(() => scanned.stop())
  const unscanned = await startService(benches[1], { maxUploadBytes })
  opened.defer(() => unscanned.stop())
  const contendersFor = (bytes: number): Contender[] => [
    through('scanned', { service: scanned, bench: benches[0] }, bytes),
    through('unscanned', { service: unscanned, bench: benches[1] }, bytes),
  ]

  bench.print('Warming up.')
  await assertScanned(scanned, 'clean', bench)
  await assertScanned(unscanned, 'skipped', bench)
  const count = Math.ceil(warmUp.count * bench.share)
  await measureInTurns(bench.load, contendersFor(smallBytes), { rounds: 1, ...warmUp, count })

  const results: ScanCase[] = []
  for (const { fileBytes, atOnce, count: fullCount } of cases) {
    bench.print(`Uploads of ${fileBytes / 1000} KB with and without a scanner, ${atOnce} at once.`)
    const amount = { atOnce, count: Math.ceil(fullCount * bench.share), rounds: bench.rounds }
    const measured = await measureInTurns(bench.load, contendersFor(fileBytes), amount)
    results.push({ fileBytes, atOnce, ...summaryOf(measured) })
  }
  await assertScanned(scanned, 'clean', bench)
  const [scannedPeakMiB, unscannedPeakMiB] = [await readPeakMiB(scanned.pid), await readPeakMiB(unscanned.pid)]
  const memory = await benchMemory(bench, largeUploads, addresses.clamd.url)
  return { cases: results, scannedPeakMiB, unscannedPeakMiB, memory }
}

function through(
  name: string,
  { service, bench }: { service: Service; bench: Pick<Bench, 'bucket'> },
  bytes: number,
): Contender {
  const { pid, documents, headers } = service
  const url = `${documents}?document_type=registration_certificate`
  const file = { bytes, as: 'form' } as const
  return {
    name,
    pid,
    request: (atOnce, count) => ({
      atOnce,
      count,
      call: { by: 'http', method: 'POST', url, headers, file, expected: 201 },
    }),
    cleanUp: () => emptyBucket(bench.bucket),
  }
}

/** Checks that uploads are really scanned, so that a failing scanner does not look fast. */
async function assertScanned(service: Service, expected: string, { load }: Bench): Promise<void> {
  const { documents, headers } = service
  const file = { bytes: smallBytes, as: 'form' } as const
  const url = `${documents}?document_type=registration_certificate`
  await load.run({ count: 1, atOnce: 1, call: { by: 'http', method: 'POST', url, headers, file, expected: 201 } })
  const answer = await fetch(`${documents}?limit=1`, { headers })
  const [newest] = (await answer.json()) as { scan_status: string }[]
  if (newest?.scan_status !== expected)
    throw new Error(`An upload has the scan_status ${newest?.scan_status}, not ${expected}.`)
}

function summaryOf([scanned = [], unscanned = []]: Measured[][]): Omit<ScanCase, 'fileBytes' | 'atOnce'> {
  const [ours, theirs] = [cpuMsOf(scanned), cpuMsOf(unscanned)]
  return {
    scanned: perSecondOf(scanned),
    unscanned: perSecondOf(unscanned),
    timesUnscanned: timesAsLong(scanned, unscanned),
    scannedCpuMs: spreadOf(ours),
    unscannedCpuMs: spreadOf(theirs),
    timesCpu: spreadOf(ours.map((each, round) => each / (theirs[round] ?? Number.NaN))),
  }
}

function perSecondOf(measured: Measured[]): number {
  return spreadOf(measured.map(({ perSecond }) => perSecond)).median
}

function cpuMsOf(measured: Measured[]): number[] {
  return measured.map(({ cpuMs = Number.NaN }) => cpuMs)
}
