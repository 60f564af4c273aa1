import { HeadObjectCommand, PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { freshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../support/s3/list-everything.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { startPausingProxy } from './pausing-proxy.ts'
import {
  accept,
  arrive,
  inMemory,
  largeBytes,
  megabyte,
  newFirm,
  newKey,
  onItsWay,
  sha256Of,
  writeSpooled,
  linkedVersion,
} from '../contract/incoming-files.ts'
import { openS3On, type S3ForTest, temporaryFolder } from '../contract/stores-under-test.ts'

let bucket: FreshBucket
let s3: S3ForTest
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  bucket = await freshBucket()
  s3 = openS3On(bucket)
  temporary = await temporaryFolder()
})
afterAll(async () => {
  s3.store.close()
  await bucket.remove()
  await temporary.removeFolder()
})

const small = makePdf({ bytes: 20_000 })
const large = makePdf({ bytes: largeBytes })
const file = { fileName: 'a.pdf', contentType: 'application/pdf', ...linkedVersion }
const link = { ...file, disposition: 'attachment', seconds: 3600 } as const

function writeLarge(key = newKey(), store = s3.store) {
  return writeSpooled(store, temporary.spool, key, large)
}

const headers = { ContentType: 'application/pdf', CacheControl: 'private, no-store' }
const metadata = {
  'original-filename': 'Statement%2C%20M%C3%A4rz%202026%20%F0%9F%98%80.pdf',
  'document-type': 'bank_statement',
  'firm-id': '0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a',
  'document-id': '7d0c4f1e-52ab-4c77-8f10-a1b2c3d4e5f6',
}

test('an object has its firm, type, file name and hash as metadata', async () => {
  const key = newKey()
  const stored = await s3.store.write(key, inMemory(small))

  const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: key }))

  expect(head).toMatchObject({ ...headers, ContentLength: small.length })
  expect(head.Metadata).toEqual({ ...metadata, sha256: sha256Of(small) })
  expect(head.ContentEncoding).toBeUndefined()
  // An answer may omit the default class.
  expect(head.StorageClass ?? 'STANDARD').toBe('STANDARD')
  expect(stored.etag).toBe(head.ETag?.replaceAll('"', ''))
})

test('a multipart object has the same metadata, except the hash, which is unknown at its beginning', async () => {
  const key = newKey()
  const stored = await writeLarge(key)

  const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: key }))

  expect(head).toMatchObject({ ...headers, ContentLength: large.length })
  expect(head.Metadata).toEqual(metadata)
  expect(head.StorageClass ?? 'STANDARD').toBe('STANDARD')
  expect(stored.etag).toBe(head.ETag?.replaceAll('"', ''))
  expect(stored.etag).toMatch(/-3$/)
})

test('a multipart upload is recorded while it runs, and no longer', async () => {
  const key = newKey()
  const arriving = await onItsWay(temporary.spool)
  const writing = s3.store.write(key, arriving.file)
  // It may reject before the test awaits it. The error is checked below.
  writing.catch(() => undefined)
  await arrive(arriving, large)
  await expect.poll(() => s3.unfinished.has(key)).toBe(true)

  accept(arriving, large)
  await writing

  expect(s3.unfinished.has(key)).toBe(false)
  await arriving.spooled.remove()
})

test('nothing is sent if the record cannot be written', async () => {
  const before = await listBucket(bucket.client, bucket.name)
  const failing = openS3On(bucket)
  failing.unfinished.set = () => {
    throw new Error('the database is away')
  }

  await expect(writeLarge(newKey(), failing.store)).rejects.toThrow('the database is away')

  await expect(listBucket(bucket.client, bucket.name)).resolves.toEqual(before)
  failing.store.close()
})

test('a multipart upload of another process can be aborted by its id, also twice', async () => {
  const key = newKey()
  const arriving = await onItsWay(temporary.spool)
  const writing = s3.store.write(key, arriving.file)
  // It may reject before the test awaits it. The error is checked below.
  writing.catch(() => undefined)
  await arrive(arriving, large)
  await expect.poll(() => s3.unfinished.get(key)).toBeDefined()
  const id = s3.unfinished.get(key) ?? ''

  await s3.store.abortMultipart(key, id)
  await s3.store.abortMultipart(key, id)

  accept(arriving, large)
  // The gateway names the key instead of the upload if a part arrives during the abort.
  await expect(writing).rejects.toMatchObject({ code: expect.stringMatching(/^(unavailable|bytes_missing)$/) })
  await arriving.spooled.remove()
  const left = (await listBucket(bucket.client, bucket.name)).filter((thing) => thing.key === key)
  expect(left).toEqual([])
})

test('in a versioned bucket, a write returns the id of its version', async () => {
  const versioned = await freshBucket()
  const Status = { Status: 'Enabled' } as const
  await versioned.client.send(
    new PutBucketVersioningCommand({ Bucket: versioned.name, VersioningConfiguration: Status }),
  )
  const { store } = openS3On(versioned)

  const stored = [await store.write(newKey(), inMemory(small)), await writeLarge(newKey(), store)]

  const things = await listBucket(versioned.client, versioned.name)
  const ids = new Set(things.map((thing) => 'versionId' in thing && thing.versionId))
  expect(ids.size).toBe(2)
  expect(new Set(stored.map(({ objectVersionId }) => objectVersionId))).toEqual(ids)
  store.close()
  await versioned.remove()
})

test('a listing continues after a full page, and skips foreign keys', async () => {
  const listing = await freshBucket()
  const { store } = openS3On(listing)
  const firm = newFirm()
  const keys = Array.from({ length: 1005 }, () => newKey(firm)).toSorted()
  const put = (Key: string) => listing.client.send(new PutObjectCommand({ Bucket: listing.name, Key, Body: 'x' }))
  await put('paniq-documents.json')
  await put(`security_firms/${firm}/readme.txt`)
  for (let start = 0; start < keys.length; start += 50)
    await Promise.all(keys.slice(start, start + 50).map((key) => put(key)))

  const listed = await Array.fromAsync(store.list(''))

  expect(listed.map(({ key }) => key).toSorted()).toEqual(keys)
  store.close()
  await listing.remove()
})

test('a missing bucket is an unavailable store, never a missing file', async () => {
  const { store } = openS3On({ ...bucket, name: `${bucket.name}-gone` })
  const noBucket = { code: 'unavailable', failure: { trouble: 'no_bucket' } }

  await expect(store.write(newKey(), inMemory(small))).rejects.toMatchObject(noBucket)
  await expect(writeLarge(newKey(), store)).rejects.toMatchObject(noBucket)
  await expect(store.read(newKey())).rejects.toMatchObject(noBucket)
  await expect(store.stat(newKey())).rejects.toMatchObject(noBucket)
  await expect(store.remove(newKey())).rejects.toMatchObject(noBucket)
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(noBucket)
  store.close()
})

test('unknown credentials make the store unavailable', async () => {
  const app = { accessKeyId: 'AKIDNOBODY', secretAccessKey: 'nothing' }
  const { store } = openS3On({ ...bucket, s3: { ...bucket.s3, app } })

  await expect(store.write(newKey(), inMemory(small))).rejects.toMatchObject({
    code: 'unavailable',
    failure: { trouble: 'refused_credentials' },
  })
  await expect(store.stat(newKey())).rejects.toMatchObject({ code: 'unavailable' })
  store.close()
})

test('a link is valid for the requested hour, and names no version', async () => {
  const { url } = await s3.store.signDownload(newKey(), link)

  expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('3600')
  expect(url.toLowerCase()).not.toContain('versionid')
})

test('each operation has one log event and one metric, without a signature, address or secret', async () => {
  const logged = openS3On(bucket)
  const key = newKey()
  await logged.store.remove(newKey()) // the first one of a process also checks whether the bucket is versioned
  const before = { events: logged.logLines.length, reports: logged.reports.length }
  await logged.store.write(key, inMemory(small))
  await Array.fromAsync(await logged.store.read(key))
  await logged.store.signDownload(key, link)
  await expect(logged.store.write(key, inMemory(small))).rejects.toMatchObject({ code: 'key_taken' })
  await logged.store.remove(key)

  const events = logged.logLines.slice(before.events).map((line) => JSON.parse(line))

  const event = { event: 's3_operation', bucket: bucket.name, key, attempt: 1, duration_ms: expect.any(Number) }
  expect(events).toMatchObject([
    { ...event, operation: 'put_object', bytes: small.length, outcome: 'ok' },
    { ...event, operation: 'get_object', bytes: small.length, outcome: 'ok' },
    { ...event, operation: 'put_object', outcome: 'key_taken', s3_code: 'PreconditionFailed' },
    { ...event, operation: 'delete_object', outcome: 'ok' },
  ])
  const report = { seconds: expect.any(Number) }
  expect(logged.reports.slice(before.reports)).toEqual([
    { ...report, operation: 'put_object', bytes: small.length, outcome: 'ok' },
    { ...report, operation: 'get_object', bytes: small.length, outcome: 'ok' },
    { ...report, operation: 'put_object', bytes: 0, outcome: 'key_taken' },
    { ...report, operation: 'delete_object', bytes: 0, outcome: 'ok' },
  ])
  expect(logged.logLines.join('\n')).not.toMatch(/signature|authorization|https?:|credential/i)
  expect(logged.logLines.join('\n')).not.toContain(bucket.s3.app.secretAccessKey)
  logged.store.close()
})

// Larger than a connection buffers: a paused sender cannot have sent it all.
const huge = makePdf({ bytes: 40 * megabyte })

test.each([0, 1])('after %i bytes in the middle of one request, an abort leaves nothing', async (passed) => {
  const { key, outcome } = await abortAfter(passed)

  expect(outcome).toEqual({ status: 'rejected', reason: new Error('the client went away') })
  await expect(s3.store.stat(key)).resolves.toBeUndefined()
})

test('halfway through one request, an abort leaves nothing, or finds that everything was sent', async () => {
  const { key, outcome } = await abortAfter(huge.length / 2)

  const size = outcome.status === 'fulfilled' ? huge.length : undefined
  expect((await s3.store.stat(key))?.size).toBe(size)
})

test.each([huge.length - 1, huge.length])(
  'after %i bytes, at the last one, an abort comes too late',
  async (passed) => {
    const { key, outcome } = await abortAfter(passed)

    expect(outcome).toMatchObject({ status: 'fulfilled', value: { size: huge.length } })
    await expect(s3.store.stat(key)).resolves.toMatchObject({ size: huge.length })
  },
)

async function abortAfter(passed: number) {
  const { hostname: host, port } = new URL(bucket.s3.endpoint)
  const proxy = await startPausingProxy({ host, port: Number(port) }, passed)
  const { store } = openS3On(bucket, { endpoint: proxy.endpoint })
  const leave = new AbortController()
  const key = newKey()
  const writing = store.write(key, inMemory(huge, leave.signal))
  writing.catch(() => undefined)
  await proxy.held

  leave.abort(new Error('the client went away'))
  proxy.release()

  const [outcome] = await Promise.allSettled([writing])
  store.close()
  await proxy.close()
  return { key, outcome }
}
