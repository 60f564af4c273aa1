import { mkdirSync, rmSync, truncateSync } from 'node:fs'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { CircuitBreaker } from '../../../src/storage/s3/circuit-breaker.ts'
import { guardS3 } from '../../../src/storage/s3/guard-s3.ts'
import { isS3Unavailable } from '../../../src/storage/s3/requests/s3-operation.ts'
import { openStoreInBetween, refusal } from '../../support/cli/s3-proxy.ts'
import { type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../support/s3/list-everything.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { accept, arrive, megabyte, newKey, onItsWay } from '../contract/incoming-files.ts'
import { openS3On, temporaryFolder } from '../contract/stores-under-test.ts'

// One part, whose hash is calculated before it is sent: later failures occur within the request.
const onePart = makePdf({ bytes: 6 * megabyte })

let bucket: FreshBucket
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  bucket = await freshBucket()
  temporary = await temporaryFolder()
})
afterAll(async () => {
  await bucket.remove()
  await temporary.removeFolder()
})

test.each<[string, (path: string) => void]>([
  ['is gone', (path) => rmSync(path)],
  ['lost its end', (path) => truncateSync(path, 100_000)],
  [
    // Node's error for an unreadable file has no path, and its call is "read", as on a connection.
    'cannot be read',
    (path) => {
      rmSync(path)
      mkdirSync(path)
    },
  ],
])('a spool file that %s while a part is sent is our own failure, and no outage of S3', async (_what, spoil) => {
  const arriving = await onItsWay(temporary.spool)
  onTestFinished(() => arriving.spooled.remove().catch(() => undefined))
  const { path } = arriving.file.content as { path: string } // an incoming large file is in the spool
  let partsAsked = 0
  // The first attempt is rejected; the second finds the damaged spool file.
  const endpoint = await openStoreInBetween({
    behind: bucket.s3.endpoint,
    answer(call) {
      if (!call.startsWith('PUT object')) return undefined
      partsAsked += 1
      if (partsAsked === 1) spoil(path)
      return refusal(503, 'SlowDown')
    },
  })
  const s3 = openS3On(bucket, { endpoint })
  const breaker = new CircuitBreaker({ probe: () => s3.store.probe(), now: () => new Date() })
  const guarded = guardS3(s3.store, breaker)
  onTestFinished(() => guarded.close())
  await arrive(arriving, onePart)
  accept(arriving, onePart)

  const error: unknown = await guarded.write(newKey(), arriving.file).catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('spool') })
  expect(isS3Unavailable(error)).toBe(false)
  expect(breaker.outage()).toBeUndefined()
  expect(partsAsked).toBe(1)
  // Nothing else removes it.
  expect([s3.unfinished.size, await listBucket(bucket.client, bucket.name)]).toEqual([0, []])
})
