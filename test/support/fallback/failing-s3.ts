import { beforeEach, expect } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../service/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../s3/fresh-bucket.ts'
import { s3Settings } from '../s3/s3-settings.ts'
import { sceneOfFile } from '../service/scene-of-file.ts'
import { startService, type TestService } from '../service/start-service.ts'

/** The usual limits, except those that would make a test wait. */
export const impatient = {
  timeouts: { connectMs: 2000, answerMs: 1500, idleMs: 2000, attempts: 3 },
  breakerTimes: { minPauseMs: 100, maxPauseMs: 400, stableMs: 0, stalledMs: 5000 },
}

export const maxBytes = { MAX_UPLOAD_BYTES: '60000000' }

/** The ways in which S3 can fail to answer. */
export const faults: [what: string, fault: Fault][] = [
  ['refuses connections', { kind: 'refuse' }],
  ['never answers', { kind: 'hang' }],
  ['takes the file and never says so', { kind: 'swallow_answer' }],
  ['is cut off in the request', { kind: 'cut_up', afterBytes: 100_000 }],
  ['is cut off in the answer', { kind: 'cut_down', afterBytes: 10 }],
]

export type FailingS3 = {
  bucket: FreshBucket
  proxy: FaultProxy
  /** Its S3 is behind the proxy. */
  service: TestService
  /** The settings of another service behind it. */
  settings: Record<string, string>
  spoil(fault: Fault): Promise<void>
  /** Makes S3 work again, and waits until the service has noticed. */
  mend(): Promise<void>
  close(): Promise<void>
}

/** A service with an S3 that can fail on demand. */
export async function openFailingS3(): Promise<FailingS3> {
  const bucket = await freshBucket()
  const { hostname, port } = new URL(bucket.s3.endpoint)
  const proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  const settings = s3Settings(bucket, `http://127.0.0.1:${proxy.port}`)
  const service = await startService({ ...settings, ...maxBytes }, impatient)
  const spoil = async (fault: Fault) => {
    proxy.setFault(fault)
    await proxy.cutAll()
  }
  return {
    bucket,
    proxy,
    service,
    settings,
    spoil,
    async mend() {
      await spoil({ kind: 'none' })
      await expect.poll(() => service.app.stores.s3?.outage()).toBeUndefined()
    },
    async close() {
      await service.stop()
      await proxy.close()
      await bucket.remove()
    },
  }
}

/** The same for the tests of a file, mended before each of them. */
export function failingS3(): FailingS3 {
  const s3 = sceneOfFile(async (closing) => {
    const opened = await openFailingS3()
    closing.defer(() => opened.close())
    return opened
  })
  beforeEach(() => s3.mend())
  return s3
}

export function logged(of: TestService, event: string): Record<string, unknown>[] {
  return of.logLines.map((line) => JSON.parse(line)).filter((line) => line.event === event)
}

export async function versionsOf(of: TestService, firm: FirmId) {
  return of.app.db.selectFrom('document_versions').selectAll().where('firm_id', '=', firm).execute()
}

export async function blobsLeftOf(of: TestService, firm: FirmId) {
  return of.app.db
    .selectFrom('document_blobs')
    .selectAll()
    .where('firm_id', '=', firm)
    .where('state', 'in', ['incoming', 'leaving'])
    .execute()
}

export async function countWithoutS3(of: TestService, reason: string, goesTo: string): Promise<number> {
  const { values } = await of.app.metrics.uploadsWithoutS3.get()
  return values.find(({ labels }) => labels.reason === reason && labels.goes_to === goesTo)?.value ?? Number.NaN
}
