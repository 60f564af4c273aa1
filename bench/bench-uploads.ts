import { againstPipe, type AgainstPipe, type Contender, measureInTurns, spreadOf } from './figures/measure.ts'
import { type Bench, emptyBucket } from './load/prepare.ts'
import { readPeakMiB } from './figures/read-process.ts'
import { startBarePipe } from './load/start-bare-pipe.ts'
import { type Service, startService } from './load/start-service.ts'

export type UploadResult = AgainstPipe & {
  fileBytes: number
  /** Uploads a second by the SDK alone. */
  sdk: number
}

export type UploadsResult = { cases: UploadResult[]; peakMiB: number }

export const smallBytes = 100_000
export const largeBytes = 5_000_000

/** Enough requests for a clock of 10 ms, few enough for a store in memory. */
const cases = [
  { fileBytes: smallBytes, atOnce: 1, count: 100 },
  { fileBytes: smallBytes, atOnce: 8, count: 300 },
  { fileBytes: smallBytes, atOnce: 32, count: 600 },
  { fileBytes: largeBytes, atOnce: 1, count: 12 },
  { fileBytes: largeBytes, atOnce: 8, count: 32 },
  { fileBytes: largeBytes, atOnce: 32, count: 96 },
]

const warmUp = { count: 1000, atOnce: 32 }

/** An upload through the service, through the bare pipe, and with the SDK alone. */
export async function benchUploads(bench: Bench): Promise<UploadsResult> {
  await using opened = new AsyncDisposableStack()
  const service = await startService(bench, { maxUploadBytes: 10 * 1024 * 1024 })
  opened.defer(() => service.stop())
  const pipe = await startBarePipe(bench)
  opened.defer(() => pipe.stop())
  const contendersFor = (bytes: number): Contender[] => [
    viaService(bench, service, bytes),
    viaPipe(pipe, bytes),
    viaSdk(bench, bytes),
  ]

  bench.print('Warming up.')
  const count = Math.ceil(warmUp.count * bench.share)
  await measureInTurns(bench.load, contendersFor(smallBytes), { rounds: 1, ...warmUp, count })

  const results: UploadResult[] = []
  for (const { fileBytes, atOnce, count: fullCount } of cases) {
    bench.print(`Uploads of ${fileBytes / 1000} KB, ${atOnce} at once.`)
    const amount = { atOnce, count: Math.ceil(fullCount * bench.share), rounds: bench.rounds }
    const measured = await measureInTurns(bench.load, contendersFor(fileBytes), amount)
    const [ours = [], pipes = [], sdks = []] = measured
    const sdk = spreadOf(sdks.map(({ perSecond }) => perSecond)).median
    results.push({ fileBytes, sdk, ...againstPipe(atOnce, ours, pipes) })
  }
  return { cases: results, peakMiB: await readPeakMiB(service.pid) }
}

type Served = { url: string; pid: number }

function viaService({ bucket }: Bench, { pid, dataDir, documents, headers }: Service, bytes: number): Contender {
  const url = `${documents}?document_type=registration_certificate`
  const file = { bytes, as: 'form' } as const
  return {
    name: 'service',
    pid,
    dataDir,
    request: (atOnce, count) => ({
      atOnce,
      count,
      call: { by: 'http', method: 'POST', url, headers, file, expected: 201 },
    }),
    cleanUp: () => emptyBucket(bucket),
  }
}

function viaPipe({ url: origin, pid }: Served, bytes: number): Contender {
  const url = `${origin}/bench/pipe-{slot}`
  const file = { bytes, as: 'raw' } as const
  return {
    name: 'bare pipe',
    pid,
    request: (atOnce, count) => ({
      atOnce,
      count,
      call: { by: 'http', method: 'PUT', url, headers: {}, file, expected: 201 },
    }),
  }
}

function viaSdk({ bucket: { name: bucket, s3 } }: Bench, bytes: number): Contender {
  return {
    name: 'SDK',
    request: (atOnce, count) => ({ atOnce, count, call: { by: 'sdk', s3, bucket, bytes } }),
  }
}
