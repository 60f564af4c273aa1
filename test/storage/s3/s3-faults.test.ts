import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { S3Timeouts } from '../../../src/storage/s3/requests/retrying-s3-client.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../../support/service/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../support/s3/list-everything.ts'
import { makePdf } from '../../support/files/make-files.ts'
import {
  arrive,
  inMemory,
  largeBytes,
  megabyte,
  newKey,
  onItsWay,
  sha256Of,
  writeSpooled,
  linkedVersion,
} from '../contract/incoming-files.ts'
import { openS3On, type S3ForTest, temporaryFolder } from '../contract/stores-under-test.ts'

const small = makePdf({ bytes: 300_000 })
const large = makePdf({ bytes: largeBytes })
/** Only for cases without an answer: a busy machine must not look like a dead S3. */
const impatience = (ms: number) => ({ connectMs: ms, answerMs: ms, idleMs: ms, attempts: 3 })

let bucket: FreshBucket
let proxy: FaultProxy
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  bucket = await freshBucket()
  const { hostname: host, port } = new URL(bucket.s3.endpoint)
  proxy = await startFaultProxy({ host, port: Number(port) })
  temporary = await temporaryFolder()
})
afterAll(async () => {
  await proxy.close()
  await bucket.remove()
  await temporary.removeFolder()
})

let s3: S3ForTest
beforeEach(() => {
  proxy.setFault({ kind: 'none' })
  s3 = openThroughProxy()
})
afterEach(() => s3.store.close())

/** It uses its own connections; all are opened after the fault. */
function openThroughProxy(timeouts?: S3Timeouts): S3ForTest {
  return openS3On(bucket, { endpoint: `http://127.0.0.1:${proxy.port}`, ...(timeouts && { timeouts }) })
}

/** Sets the fault, with short timeouts if no answer will ever arrive. */
function spoil(fault: Fault): void {
  proxy.setFault(fault)
  if (fault.kind !== 'hang' && fault.kind !== 'swallow_answer') return
  s3.store.close()
  s3 = openThroughProxy(impatience(500))
}

const everything = () => listBucket(bucket.client, bucket.name)

const sources: [name: string, write: (key: StorageKey) => Promise<unknown>][] = [
  ['a file in memory', (key) => s3.store.write(key, inMemory(small))],
  ['a file in parts', (key) => writeSpooled(s3.store, temporary.spool, key, large)],
]

const deadly: [what: string, fault: Fault][] = [
  ['refuses every connection', { kind: 'refuse' }],
  ['takes connections and never answers', { kind: 'hang' }],
  ['loses the connection at the first byte sent', { kind: 'cut_up', afterBytes: 0 }],
  ['loses the connection after one byte sent', { kind: 'cut_up', afterBytes: 1 }],
  ['loses the connection in the middle of what is sent', { kind: 'cut_up', afterBytes: 150_000 }],
  ['loses the connection shortly before the end', { kind: 'cut_up', afterBytes: small.length }],
]

describe.each(sources)('%s', (_name, write) => {
  test.each(deadly)('is not stored when S3 %s, and nothing is left of it', async (_what, fault) => {
    const before = await everything()
    spoil(fault)

    await expect(write(newKey())).rejects.toMatchObject({ code: 'unavailable' })

    // No caller waits until S3 has removed the parts of a file.
    await expect.poll(everything).toEqual(before)
    await expect.poll(() => s3.unfinished.size).toBe(0)
  })
})

const mute: [what: string, fault: Fault][] = [
  ['its connection is lost with the answer', { kind: 'cut_down', afterBytes: 0 }],
  ['its connection is lost within the answer', { kind: 'cut_down', afterBytes: 20 }],
  ['its answer never comes', { kind: 'swallow_answer' }],
]

test.each(mute)(
  'a file without an answer from S3, because %s, is stored completely or not at all, and can be removed',
  async (_what, fault) => {
    const before = await everything()
    const key = newKey()
    spoil(fault)

    await expect(s3.store.write(key, inMemory(small))).rejects.toMatchObject({ code: 'unavailable' })

    const healthy = openS3On(bucket)
    const stat = await healthy.store.stat(key)
    expect([undefined, small.length]).toContain(stat?.size)
    // A request in progress when its sender leaves may complete after this one.
    const left = async () => {
      await healthy.store.remove(key)
      return everything()
    }
    await expect.poll(left).toEqual(before)
    healthy.store.close()
  },
)

test('a file whose first answer was lost is stored once and reported as stored', async () => {
  const key = newKey()
  proxy.setFault({ kind: 'cut_down', afterBytes: 0 })
  const opened = proxy.connections()
  const writing = s3.store.write(key, inMemory(small))
  await expect.poll(() => proxy.connections(), { interval: 1 }).toBeGreaterThan(opened)
  proxy.setFault({ kind: 'none' })

  await expect(writing).resolves.toMatchObject({ size: small.length, sha256: sha256Of(small) })
})

test('a multipart upload survives one cut of its connections', async () => {
  const key = newKey()
  const arriving = await onItsWay(temporary.spool)
  const writing = s3.store.write(key, arriving.file)
  // It may reject before the test awaits it. The error is checked below.
  writing.catch(() => undefined)
  await arrive(arriving, large.subarray(0, 10 * megabyte))
  await expect.poll(() => s3.unfinished.has(key)).toBe(true)
  await proxy.cutAll()
  await arrive(arriving, large.subarray(10 * megabyte))
  arriving.spooled.accept({ size: large.length, sha256: sha256Of(large) })

  await expect(writing).resolves.toMatchObject({ size: large.length })

  const hash = sha256Of(Buffer.concat(await Array.fromAsync<Buffer>(await s3.store.read(key))))
  expect(hash).toBe(sha256Of(large))
  await arriving.spooled.remove()
})

test('a multipart upload in progress during an outage stays recorded, and is aborted after it', async () => {
  const before = await everything()
  s3.store.close()
  s3 = openThroughProxy(impatience(2000))
  const key = newKey()
  const arriving = await onItsWay(temporary.spool)
  const writing = s3.store.write(key, arriving.file)
  // It may reject before the test awaits it. The error is checked below.
  writing.catch(() => undefined)
  await expect.poll(() => s3.unfinished.has(key)).toBe(true)
  proxy.setFault({ kind: 'hang' })
  await proxy.cutAll()
  await arrive(arriving, large)

  await expect(writing).rejects.toMatchObject({ code: 'unavailable' })

  // The store's attempt in the background.
  const attempts = () => s3.reports.filter(({ operation }) => operation === 'abort_multipart')
  await expect.poll(() => attempts().length).toBe(1)
  const id = s3.unfinished.get(key) ?? ''
  expect(id).not.toBe('')
  proxy.setFault({ kind: 'none' })
  await s3.store.abortMultipart(key, id)
  await expect(everything()).resolves.toEqual(before)
  await arriving.spooled.remove()
})

const silent: [what: string, fault: Fault][] = [
  ['refuses', { kind: 'refuse' }],
  ['never answers', { kind: 'hang' }],
  ['breaks off', { kind: 'cut_down', afterBytes: 10 }],
]

test.each(silent)('when S3 %s, a file is not reported as missing', async (_what, fault) => {
  spoil(fault)
  const { store } = s3
  const key = newKey()
  const unavailable = { code: 'unavailable' }

  await expect(store.stat(key)).rejects.toMatchObject(unavailable)
  await expect(store.read(key)).rejects.toMatchObject(unavailable)
  await expect(store.remove(key)).rejects.toMatchObject(unavailable)
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(unavailable)
})

test('a file whose read is interrupted is not read as complete', async () => {
  const key = newKey()
  await s3.store.write(key, inMemory(small))
  await proxy.cutAll()
  proxy.setFault({ kind: 'cut_down', afterBytes: 100_000 })

  await expect(Array.fromAsync(await s3.store.read(key))).rejects.toMatchObject({ code: 'unavailable' })
})

test('a link is signed while S3 is down', async () => {
  proxy.setFault({ kind: 'refuse' })
  const file = { fileName: 'a.pdf', contentType: 'application/pdf', ...linkedVersion }
  const link = { ...file, disposition: 'attachment', seconds: 60 } as const

  await expect(s3.store.signDownload(newKey(), link)).resolves.toMatchObject({ expiresAt: expect.any(Date) })
})

test('no event contains the address of a failing S3', async () => {
  proxy.setFault({ kind: 'refuse' })
  await expect(s3.store.write(newKey(), inMemory(small))).rejects.toMatchObject({ code: 'unavailable' })

  expect(s3.logLines.map((line) => JSON.parse(line))).toMatchObject([
    { event: 's3_operation', operation: 'put_object', outcome: 'unavailable', attempt: 3, s3_code: 'ECONNRESET' },
  ])
  expect(s3.logLines.join('\n')).not.toContain(`${proxy.port}`)
})
