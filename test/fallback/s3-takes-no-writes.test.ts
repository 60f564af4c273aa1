import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import type { ReadinessShape } from '../../src/contract/operations.ts'
import type { S3Limits } from '../../src/storage/s3/guard-s3.ts'
import { probeKey } from '../../src/storage/s3/s3-store.ts'
import { type CannedAnswer, openStoreInBetween, refusal } from '../support/cli/s3-proxy.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { impatient } from '../support/fallback/failing-s3.ts'

let bucket: FreshBucket
beforeAll(async () => {
  bucket = await freshBucket()
})
afterAll(async () => bucket.remove())

/** A service whose S3 can be read and accepts no writes until it is allowed, with continuous reads. */
async function startOnUnwritable(answer: CannedAnswer | 'silence', limits: S3Limits) {
  let isWritable = false
  const endpoint = await openStoreInBetween({
    behind: bucket.s3.endpoint,
    answer: (call) => (!isWritable && /^(PUT|POST) object/.test(call) ? answer : undefined),
  })
  const service = await startService(s3Settings(bucket, endpoint), limits)
  onTestFinished(() => service.stop())
  const stopReading = keepReading(service)
  onTestFinished(stopReading)
  return {
    service,
    allowWrites: () => void (isWritable = true),
  }
}

function keepReading({ app }: TestService): () => Promise<void> {
  const stop = new AbortController()
  const reading = (async () => {
    while (!stop.signal.aborted) {
      await app.stores.s3?.stat(probeKey).catch(() => undefined)
      // The test works in this process too.
      await sleep(5)
    }
  })()
  return async () => {
    stop.abort()
    await reading
  }
}

async function readinessOf({ url }: TestService): Promise<ReadinessShape> {
  const answer = await fetch(`${url}/readyz`)
  // The route's own tests check this shape.
  return (await answer.json()) as ReadinessShape
}

test.each([
  ['is full', refusal(507, 'StorageFull'), 'not_allowed'],
  ['is at its quota', refusal(403, 'QuotaExceeded'), 'not_allowed'],
  ['forbids writing', refusal(403, 'AccessDenied'), 'not_allowed'],
  ['fails at every write', refusal(500, 'InternalError'), 'broken'],
  ['never answers a write', 'silence', 'no_answer'],
] as const)(
  'S3 that can be read and %s is not used after three attempts, and recovers',
  async (_what, answer, trouble) => {
    const { service, allowWrites } = await startOnUnwritable(answer, impatient)
    const { firm, admin } = await firmWithAdmin(service)
    await expect.poll(() => readinessOf(service)).toMatchObject({ status: 'ready' })

    for (let round = 0; round < 3; round += 1) {
      const { storage } = await uploadDocument(service.url, firm, admin)
      expect(storage).toBe('local')
    }

    expect(service.app.stores.s3?.outage()).toMatchObject({ trouble })
    // At once, although the previous request showed that S3 answers.
    expect(await readinessOf(service)).toMatchObject({ status: 'degraded', checks: { s3: { state: 'failed' } } })

    allowWrites()
    await expect.poll(() => service.app.stores.s3?.outage()).toBeUndefined()
    await expect(uploadDocument(service.url, firm, admin)).resolves.toMatchObject({ storage: 's3' })
    await expect.poll(async () => (await readinessOf(service)).status).toBe('ready')
  },
)

test('a probe detects an S3 that never answers writes, despite successful reads', async () => {
  const { service } = await startOnUnwritable('silence', {
    timeouts: { connectMs: 500, answerMs: 1000, idleMs: 600_000, attempts: 1000 },
    breakerTimes: { ...impatient.breakerTimes, stalledMs: 200 },
  })
  const { firm, admin } = await firmWithAdmin(service)
  await expect(uploadDocument(service.url, firm, admin)).resolves.toMatchObject({ storage: 'local' })
})
