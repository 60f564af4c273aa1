import { createHash } from 'node:crypto'
import { rename } from 'node:fs/promises'

import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { DocumentShape } from '../../src/contract.ts'
import type { FirmId } from '../../src/vocabulary.ts'
import { openStoreInBetween, refusal } from '../cli/store-in-between.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/call-documents.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../support/fresh-bucket.ts'
import { listBucket, listFolder } from '../support/list-everything.ts'
import { makePdf } from '../support/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { startService, type TestService } from '../support/start-service.ts'

/** As usual, but for what would make a test wait. */
const impatient = {
  patience: { connectMs: 500, answerMs: 500, idleMs: 2000, attempts: 3 },
  times: { shortestPauseMs: 100, longestPauseMs: 400, calmMs: 0, suspectMs: 5000 },
}
const mostBytes = { MAX_UPLOAD_BYTES: '60000000' }

let bucket: FreshBucket
let proxy: FaultProxy
let service: TestService

beforeAll(async () => {
  bucket = await freshBucket()
  const { hostname, port } = new URL(bucket.s3.endpoint)
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  service = await startService({ ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`), ...mostBytes }, impatient)
})
afterAll(async () => {
  await service.stop()
  await proxy.close()
  await bucket.remove()
})
beforeEach(async () => {
  await mend()
})

async function mend(): Promise<void> {
  proxy.setFault({ kind: 'none' })
  await proxy.cutAll()
  await expect.poll(() => service.app.stores.s3?.outage(), { timeout: 10_000 }).toBeUndefined()
}

async function spoil(fault: Fault): Promise<void> {
  proxy.setFault(fault)
  await proxy.cutAll()
}

async function makeAdmin(of: TestService): Promise<{ firm: FirmId; admin: Person }> {
  const firm = await makeFirm(of.app)
  return { firm, admin: await makeMember(of.app, firm) }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function download(of: TestService, firm: FirmId, person: Person, { id }: DocumentShape): Promise<Buffer> {
  const answer = await callDocuments(of.url, firm, person, `/${id}/download`, { redirect: 'follow' })
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

function logged(of: TestService, event: string): Record<string, unknown>[] {
  return of.logLines.map((line) => JSON.parse(line)).filter((line) => line.event === event)
}

async function versionsOf(of: TestService, firm: FirmId) {
  return of.app.db.selectFrom('document_versions').selectAll().where('firm_id', '=', firm).execute()
}

async function openUploadsOf(of: TestService, firm: FirmId) {
  return of.app.db.selectFrom('document_uploads').selectAll().where('firm_id', '=', firm).execute()
}

async function countWithoutS3(of: TestService, reason: string, goesTo: string): Promise<number> {
  const { values } = await of.app.metrics.uploadsWithoutS3.get()
  return values.find(({ labels }) => labels.reason === reason && labels.goes_to === goesTo)?.value ?? Number.NaN
}

/** A paper that is there though S3 is not: on the disk as fallback, with its own bytes, told once. */
async function expectFallback(of: TestService, bytes: Buffer, reason: string): Promise<void> {
  const { firm, admin } = await makeAdmin(of)
  const toldBefore = logged(of, 's3_upload_failed').length
  const countBefore = await countWithoutS3(of, reason, 'local')

  const document = await uploadDocument(of.url, firm, admin, { bytes })

  expect(document).toMatchObject({ storage: 'local', sha256: hashOf(bytes), file_size: bytes.length })
  expect(hashOf(await download(of, firm, admin, document))).toBe(hashOf(bytes))
  const versions = await versionsOf(of, firm)
  expect(versions).toMatchObject([{ store: 'local', is_fallback: true, store_id: of.app.stores.local.storeId }])
  const told = logged(of, 's3_upload_failed').slice(toldBefore)
  expect(told).toMatchObject([{ level: 'error', reason, goes_to: 'local' }])
  expect(await countWithoutS3(of, reason, 'local')).toBe(countBefore + 1)
  // What S3 may have of it keeps its name for the collector, and it is not the name of what was kept.
  for (const open of await openUploadsOf(of, firm)) {
    expect(open).toMatchObject({ store: 's3' })
    expect(open.storage_key).not.toBe(versions[0]?.storage_key)
  }
}

const small = makePdf({ bytes: 300_000 })
const large = makePdf({ bytes: 20_000_000 })
const sizes = [
  ['a small file', small],
  ['a large file', large],
] as const

const faults: [what: string, fault: Fault][] = [
  ['refuses connections', { kind: 'refuse' }],
  ['never answers', { kind: 'hang' }],
  ['takes the file and never says so', { kind: 'swallow_answer' }],
  ['is cut off in the request', { kind: 'cut_up', afterBytes: 100_000 }],
  ['is cut off in the answer', { kind: 'cut_down', afterBytes: 10 }],
]

describe.each(sizes)('S3 is out, and %s is taken all the same', (_size, bytes) => {
  test.each(faults)('when S3 %s', async (_what, fault) => {
    await spoil(fault)
    await expectFallback(service, bytes, 'no_answer')
  })

  const refusals: [status: number, code: string, reason: string][] = [
    [500, 'InternalError', 'broken'],
    [503, 'SlowDown', 'too_busy'],
    [403, 'AccessDenied', 'not_allowed'],
    [403, 'InvalidAccessKeyId', 'refused_credentials'],
    [403, 'RequestTimeTooSkewed', 'clock_off'],
    [404, 'NoSuchBucket', 'no_bucket'],
    [301, 'PermanentRedirect', 'wrong_place'],
  ]

  test.each(refusals)('when S3 answers %i %s', async (status, code, reason) => {
    const endpoint = await openStoreInBetween({ answer: () => refusal(status, code) })
    const refused = await startService({ ...s3Settings(bucket, endpoint), ...mostBytes }, impatient)
    onTestFinished(() => refused.stop())
    await expectFallback(refused, bytes, reason)
  })
})

test.each([
  ['a secret that is not the key’s', { AWS_SECRET_ACCESS_KEY: 'of-somebody-else' }, 'refused_credentials'],
  ['a bucket that is not there', { AWS_S3_BUCKET: 'nobody-made-this-one' }, 'no_bucket'],
])('%s, at a real store', async (_what, settings, reason) => {
  const wrong = await startService({ ...s3Settings(bucket), ...settings }, impatient)
  onTestFinished(() => wrong.stop())
  await expectFallback(wrong, small, reason)
})

test('while S3 is out nobody asks it in an upload’s time; when it is back, the next upload goes there', async () => {
  const { firm, admin } = await makeAdmin(service)
  const kept = await startService(
    { ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`) },
    { ...impatient, times: { ...impatient.times, shortestPauseMs: 20_000, longestPauseMs: 20_000 } },
  )
  onTestFinished(() => kept.stop())
  const there = await makeAdmin(kept)
  await spoil({ kind: 'refuse' })
  await uploadDocument(kept.url, there.firm, there.admin)
  expect(kept.app.stores.s3?.outage()).toMatchObject({ trouble: 'no_answer' })

  const before = proxy.connections()
  const documents = await Promise.all(
    Array.from({ length: 10 }, () => uploadDocument(kept.url, there.firm, there.admin)),
  )
  expect(documents.map(({ storage }) => storage)).toEqual(documents.map(() => 'local'))
  expect(proxy.connections()).toBe(before)

  await uploadDocument(service.url, firm, admin)
  expect(service.app.stores.s3?.outage()).toBeDefined()
  await mend()
  const after = await uploadDocument(service.url, firm, admin)
  expect(after.storage).toBe('s3')
  expect(logged(service, 's3_out').length).toBeGreaterThan(0)
  expect(logged(service, 's3_back').length).toBeGreaterThan(0)
})

test('uploads that wait for a silent S3 wait no longer once it is known to be out', async () => {
  const slow = await startService(
    { ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`) },
    {
      patience: { connectMs: 500, answerMs: 120_000, idleMs: 120_000, attempts: 3 },
      times: { ...impatient.times, suspectMs: 200 },
    },
  )
  onTestFinished(() => slow.stop())
  const { firm, admin } = await makeAdmin(slow)
  await spoil({ kind: 'swallow_answer' })
  const waiting = Array.from({ length: 3 }, () => uploadDocument(slow.url, firm, admin))
  await expect.poll(async () => (await openUploadsOf(slow, firm)).length).toBe(3)

  slow.app.stores.s3?.takeOut('no_answer', 'TimeoutError')

  for (const document of await Promise.all(waiting)) expect(document.storage).toBe('local')
})

test('one silent S3 is found out by a probe, long before the patience with a file is at its end', async () => {
  const slow = await startService(
    { ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`) },
    {
      patience: { connectMs: 500, answerMs: 2000, idleMs: 600_000, attempts: 1000 },
      times: { ...impatient.times, suspectMs: 200 },
    },
  )
  onTestFinished(() => slow.stop())
  const { firm, admin } = await makeAdmin(slow)
  await spoil({ kind: 'hang' })
  await expect(uploadDocument(slow.url, firm, admin)).resolves.toMatchObject({ storage: 'local' })
})

describe('S3_FALLBACK=off', () => {
  test.each(faults)('nothing is kept, and the answer is an honest 503, when S3 %s', async (_what, fault) => {
    const off = await startService(
      { ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`), S3_FALLBACK: 'off' },
      impatient,
    )
    onTestFinished(() => off.stop())
    const { firm, admin } = await makeAdmin(off)
    await spoil(fault)

    for (const _round of ['S3 is asked', 'S3 is left alone']) {
      const answer = await uploadFile(off.url, firm, admin, { bytes: small })
      expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(await versionsOf(off, firm)).toEqual([])
    expect((await listFolder(`${off.folder}/uploads`)).filter(({ kind }) => kind !== 'folder')).toMatchObject([
      { path: expect.stringContaining('.store-id') },
    ])
    expect(await countWithoutS3(off, 'no_answer', 'nowhere')).toBeGreaterThan(0)
  })
})

test('neither store takes it: 503, and nothing is kept', async () => {
  const poor = await startService(s3Settings(bucket, `http://127.0.0.1:${proxy.port}`), impatient)
  onTestFinished(() => poor.stop())
  const { firm, admin } = await makeAdmin(poor)
  await spoil({ kind: 'refuse' })
  await rename(`${poor.folder}/uploads`, `${poor.folder}/elsewhere`)

  const answer = await uploadFile(poor.url, firm, admin, { bytes: small })

  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  expect(await versionsOf(poor, firm)).toEqual([])
})

test('what S3 would never take goes nowhere else: that is our mistake, and a loud one', async () => {
  const endpoint = await openStoreInBetween({
    behind: bucket.s3.endpoint,
    answer: (call) => (call === 'PUT object' ? refusal(400, 'MetadataTooLarge') : undefined),
  })
  const wrong = await startService(s3Settings(bucket, endpoint), impatient)
  onTestFinished(() => wrong.stop())
  const { firm, admin } = await makeAdmin(wrong)

  for (let round = 0; round < 4; round += 1) {
    const answer = await uploadFile(wrong.url, firm, admin, { bytes: small })
    expect([answer.status, (await problemOf(answer)).code]).toEqual([500, 'internal'])
  }

  expect(await versionsOf(wrong, firm)).toEqual([])
  expect(await openUploadsOf(wrong, firm)).toEqual([])
  expect(wrong.app.stores.s3?.outage()).toBeUndefined()
  expect(logged(wrong, 'request_failed').at(-1)).toMatchObject({ level: 'error' })
})

describe('what is nobody’s failure goes nowhere', () => {
  test('a file that is refused for what it is', async () => {
    const { firm, admin } = await makeAdmin(service)
    await spoil({ kind: 'refuse' })
    const answer = await uploadFile(service.url, firm, admin, { bytes: large, query: { sha256: hashOf(small) } })

    expect(answer.status).toBe(422)
    expect(await versionsOf(service, firm)).toEqual([])
    expect((await listBucket(bucket.client, bucket.name)).filter(({ key }) => key.includes(firm))).toEqual([])
  })
})

describe('an Idempotency-Key holds across the fallback', () => {
  const withKey = (key: string, bytes: Buffer) => ({ bytes, headers: { 'idempotency-key': key } })

  test('sent again when S3 is back, it is the document on the disk', async () => {
    const { firm, admin } = await makeAdmin(service)
    const key = crypto.randomUUID()
    await spoil({ kind: 'refuse' })
    const first = await uploadDocument(service.url, firm, admin, withKey(key, small))
    await mend()
    const second = await uploadDocument(service.url, firm, admin, withKey(key, small))

    expect(second).toMatchObject({ id: first.id, storage: 'local' })
    expect(await versionsOf(service, firm)).toHaveLength(1)
  })

  test('sent again when S3 is out, it is the document on S3; another file is refused', async () => {
    const { firm, admin } = await makeAdmin(service)
    const key = crypto.randomUUID()
    const first = await uploadDocument(service.url, firm, admin, withKey(key, large))
    await spoil({ kind: 'refuse' })
    const second = await uploadDocument(service.url, firm, admin, withKey(key, large))
    const other = await uploadFile(service.url, firm, admin, withKey(key, small))

    expect(second).toMatchObject({ id: first.id, storage: 's3' })
    expect(other.status).toBe(409)
    expect(await versionsOf(service, firm)).toHaveLength(1)
  })

  test('sent ten times at once while S3 fails, it is one document with one file', async () => {
    const { firm, admin } = await makeAdmin(service)
    const key = crypto.randomUUID()
    await spoil({ kind: 'cut_down', afterBytes: 10 })
    const documents = await Promise.all(
      Array.from({ length: 10 }, () => uploadDocument(service.url, firm, admin, withKey(key, small))),
    )

    expect(new Set(documents.map(({ id }) => id)).size).toBe(1)
    const files = await listFolder(`${service.folder}/uploads`)
    expect(files.filter(({ kind, path }) => kind !== 'folder' && path.includes(firm))).toHaveLength(1)
  })
})
