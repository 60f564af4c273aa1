import { startFaultProxy } from '../test/support/service/fault-proxy.ts'
import { type Bench, emptyBucket } from './load/prepare.ts'
import { readPeakMiB } from './figures/read-process.ts'
import { startService } from './load/start-service.ts'

export type MemoryResult = {
  uploads: number
  fileBytes: number
  bytesPerSecond: number
  seconds: number
  /** Before the first upload. */
  idleMiB: number
  peakMiB: number
}

/** `bytesPerSecond`: the limit of each connection to S3. */
export type MemoryCase = { uploads: number; fileBytes: number; bytesPerSecond: number }

export const largeUploads = { uploads: 50, fileBytes: 20_000_000, bytesPerSecond: 1_000_000 }
export const manyUploads = { uploads: 200, fileBytes: 5_000_000, bytesPerSecond: 20_000_000 }

/** Many concurrent uploads with slow connections to S3: waiting bytes must not stay in memory. `clamdUrl`: with a scanner. */
export async function benchMemory(
  bench: Bench,
  { uploads, fileBytes, bytesPerSecond }: MemoryCase,
  clamdUrl?: string,
): Promise<MemoryResult> {
  await using opened = new AsyncDisposableStack()
  const s3 = new URL(bench.bucket.s3.endpoint)
  if (s3.protocol !== 'http:')
    throw new Error('The part "memory" slows the connection to S3, which must be plain http.')
  const proxy = await startFaultProxy({ host: s3.hostname, port: Number(s3.port || 80) })
  opened.defer(() => proxy.close())
  const s3Endpoint = `http://127.0.0.1:${proxy.port}`
  const service = await startService(bench, { maxUploadBytes: 32 * 1024 * 1024, s3Endpoint, clamdUrl })
  opened.defer(() => service.stop())

  bench.print(`${uploads} uploads of ${fileBytes / 1_000_000} MB at once, S3 slowed down.`)
  proxy.setFault({ kind: 'slow', bytesPerSecond })
  await proxy.cutAll()
  const idleMiB = await readPeakMiB(service.pid)
  const { documents, headers } = service
  const url = `${documents}?document_type=registration_certificate`
  const file = { bytes: fileBytes, as: 'form' } as const
  const call = { by: 'http', method: 'POST', url, headers, file, expected: 201 } as const
  const { seconds } = await bench.load.run({ call, count: uploads, atOnce: uploads })
  const peakMiB = await readPeakMiB(service.pid)
  await emptyBucket(bench.bucket)
  return { uploads, fileBytes, bytesPerSecond, seconds, idleMiB, peakMiB }
}
