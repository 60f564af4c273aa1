import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import type { StoredFile } from '../../../src/storage/file-store.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { inMemory, largeBytes, megabyte, newKey, sha256Of, writeSpooled } from '../contract/incoming-files.ts'
import { errorBody, type ScriptedS3, startScriptedS3, type Turn } from './scripted-s3.ts'
import { openS3ByConfig, type S3ForTest, temporaryFolder } from '../contract/stores-under-test.ts'

const small = makePdf({ bytes: 300_000 })
const large = makePdf({ bytes: largeBytes })
const stored: Turn = { status: 200, headers: { etag: '"5d41402abc4b2a76b9719d911017c592"', 'x-amz-version-id': 'v1' } }
const slowDown: Turn = { status: 503, body: errorBody('SlowDown') }
const taken: Turn = { status: 412, body: errorBody('PreconditionFailed') }
const absent: Turn = { status: 404 }
const key = newKey()

/** The answer to a HEAD for an object with these bytes. */
function found(bytes: Buffer, headers: Record<string, string> = {}): Turn {
  return { status: 200, headers: { 'content-length': `${bytes.length}`, etag: '"e"', ...headers } }
}

const multipart: Record<string, Turn[]> = {
  'POST uploads': [
    { status: 200, body: '<InitiateMultipartUploadResult><UploadId>id-1</UploadId></InitiateMultipartUploadResult>' },
  ],
  'PUT partNumber': [stored],
  HEAD: [absent],
  'POST uploadId': [
    {
      status: 200,
      body: '<CompleteMultipartUploadResult><ETag>"whole-3"</ETag></CompleteMultipartUploadResult>',
      headers: { 'x-amz-version-id': 'v1' },
    },
  ],
  'DELETE uploadId': [{ status: 204 }],
}

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  temporary = await temporaryFolder()
})
afterAll(() => temporary.removeFolder())

let opened: { scripted: ScriptedS3; s3: S3ForTest } | undefined
afterEach(async () => {
  opened?.s3.store.close()
  await opened?.scripted.close()
})

async function against(script: Record<string, Turn[]>) {
  const scripted = await startScriptedS3(structuredClone(script))
  // As for Amazon, without a configured endpoint.
  const s3 = openS3ByConfig(scripted.config, { hasChecksums: true })
  opened = { scripted, s3 }
  const calls = () => scripted.asked.map(({ call }) => call)
  const write = (bytes: Buffer): Promise<StoredFile> => s3.store.write(key, inMemory(bytes))
  const writeParts = (bytes: Buffer): Promise<StoredFile> => writeSpooled(s3.store, temporary.spool, key, bytes)
  return { ...opened, calls, write, writeParts }
}

test('a file in memory is sent in one request whose signature and checksum cover its bytes', async () => {
  const { scripted, write } = await against({ PUT: [stored] })

  await expect(write(small)).resolves.toEqual({
    size: small.length,
    sha256: sha256Of(small),
    etag: '5d41402abc4b2a76b9719d911017c592',
    objectVersionId: 'v1',
  })

  const [put] = scripted.asked
  expect(put?.body.equals(small)).toBe(true)
  expect(put?.url.pathname).toBe(`/documents/${key}`)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(small))
  expect(put?.headers).toMatchObject({
    'content-length': `${small.length}`,
    'content-type': 'application/pdf',
    'cache-control': 'private, no-store',
    'if-none-match': '*',
    'x-amz-storage-class': 'STANDARD',
    'x-amz-content-sha256': sha256Of(small),
    'x-amz-checksum-crc32': checksum.toString('base64'),
  })
  expect(put?.headers).not.toHaveProperty('expect')
  expect(put?.headers).not.toHaveProperty('content-encoding')
})

test('each part is signed by its own hash, and the object is completed from the parts and their hashes', async () => {
  const { scripted, s3, writeParts, calls } = await against(multipart)

  await expect(writeParts(large)).resolves.toMatchObject({ size: large.length, etag: 'whole-3', objectVersionId: 'v1' })

  const sends = Array<string>(3).fill('PUT partNumber')
  expect(calls()).toEqual(['POST uploads', ...sends, 'HEAD', 'POST uploadId'])
  expect(scripted.asked[0]?.headers).toMatchObject({ 'x-amz-checksum-algorithm': 'SHA256' })
  const parts = scripted.asked
    .filter(({ call }) => call === 'PUT partNumber')
    .toSorted((a, b) => Number(a.url.searchParams.get('partNumber')) - Number(b.url.searchParams.get('partNumber')))
  expect(sha256Of(Buffer.concat(parts.map(({ body }) => body)))).toBe(sha256Of(large))
  for (const { headers, body } of parts) {
    const digest = createHash('sha256').update(body).digest()
    expect(headers).toMatchObject({
      'content-length': `${body.length}`,
      'x-amz-content-sha256': digest.toString('hex'),
      'x-amz-checksum-sha256': digest.toString('base64'),
    })
    expect(headers).not.toHaveProperty('content-encoding')
  }
  const complete = scripted.asked.at(-1)
  expect(complete?.headers).toMatchObject({ 'if-none-match': '*' })
  for (const { headers } of parts) expect(complete?.body.toString()).toContain(`${headers['x-amz-checksum-sha256']}`)
  expect(s3.unfinished.size).toBe(0)
})

test('a part that S3 throttles is sent again completely', async () => {
  const { scripted, writeParts } = await against({ ...multipart, 'PUT partNumber': [slowDown, slowDown, stored] })

  await writeParts(large.subarray(0, 8 * megabyte))

  const parts = scripted.asked.filter(({ call }) => call === 'PUT partNumber')
  expect(parts.map(({ body }) => sha256Of(body))).toEqual(
    Array<string>(3).fill(sha256Of(large.subarray(0, 8 * megabyte))),
  )
})

test('a part that is rejected before its end is sent again, and no connection stays open', async () => {
  const refused: Turn = { early: 503, body: errorBody('SlowDown') }
  const { scripted, writeParts } = await against({ ...multipart, 'PUT partNumber': [refused, stored] })

  await writeParts(large.subarray(0, 8 * megabyte))

  const part = scripted.asked.find(({ call }) => call === 'PUT partNumber')
  expect(part?.body).toHaveLength(8 * megabyte)
  await expect.poll(() => scripted.connections()).toBe(1)
})

test('a failed multipart upload is aborted, and not recorded any more', async () => {
  const denied: Turn = { status: 403, body: errorBody('AccessDenied') }
  const { s3, writeParts, calls } = await against({ ...multipart, 'PUT partNumber': [stored, denied] })

  await expect(writeParts(large)).rejects.toMatchObject({ code: 'unavailable' })

  await expect.poll(() => s3.unfinished.size).toBe(0)
  expect(calls()).toContain('DELETE uploadId')
  expect(calls()).not.toContain('POST uploadId')
})

test('a multipart upload that cannot be aborted stays recorded', async () => {
  const denied: Turn = { status: 403, body: errorBody('AccessDenied') }
  const script = { ...multipart, 'PUT partNumber': [denied], 'DELETE uploadId': [slowDown] }
  const { s3, writeParts } = await against(script)

  await expect(writeParts(large)).rejects.toMatchObject({ code: 'unavailable' })

  await expect.poll(() => s3.reports.at(-1)?.operation).toBe('abort_multipart')
  expect([...s3.unfinished]).toEqual([[key, 'id-1']])
})

const overlaps: [what: string, turns: Turn[]][] = [
  ['another write to the key is under way', [{ status: 409, body: errorBody('ConditionalRequestConflict') }, stored]],
  ['S3 is busy', [slowDown, stored]],
  ['S3 fails inside', [{ status: 500, body: errorBody('InternalError') }, stored]],
  ['the connection ends', ['lose_the_answer', stored]],
  ['S3 begins with a success and then fails', [{ status: 200, body: errorBody('InternalError') }, stored]],
  ['something on the way changed a signed header', [{ status: 403, body: errorBody('SignatureDoesNotMatch') }, stored]],
]

test.each(overlaps)('a write is retried when %s', async (_what, turns) => {
  const { write, calls } = await against({ PUT: turns })

  await expect(write(small)).resolves.toMatchObject({ size: small.length })
  expect(calls()).toEqual(['PUT', 'PUT'])
})

test('a write gives up after three attempts', async () => {
  const { write, calls } = await against({ PUT: [slowDown] })

  await expect(write(small)).rejects.toMatchObject({ code: 'unavailable' })
  expect(calls()).toEqual(['PUT', 'PUT', 'PUT'])
})

test('a write without an answer succeeds if the key then has the same bytes', async () => {
  const hash = { 'x-amz-meta-sha256': sha256Of(small), 'x-amz-version-id': 'v7' }
  const { write } = await against({ PUT: ['lose_the_answer', taken], HEAD: [found(small, hash)] })

  await expect(write(small)).resolves.toEqual({
    size: small.length,
    sha256: sha256Of(small),
    etag: 'e',
    objectVersionId: 'v7',
  })
})

const others: [what: string, head: Turn][] = [
  ['other bytes', found(small, { 'x-amz-meta-sha256': sha256Of(large) })],
  ['more bytes', found(large, { 'x-amz-meta-sha256': sha256Of(small) })],
]

test.each(others)('a write without an answer is rejected if the key then has %s', async (_what, head) => {
  const { write } = await against({ PUT: ['lose_the_answer', taken], HEAD: [head] })

  await expect(write(small)).rejects.toMatchObject({ code: 'key_taken' })
})

test('a write without an answer has an unknown outcome if the key cannot be read', async () => {
  const { write } = await against({ PUT: ['lose_the_answer', taken], HEAD: [{ status: 503 }] })

  await expect(write(small)).rejects.toMatchObject({ code: 'unavailable' })
})

test('a write that is rejected at once does not read the key', async () => {
  const { write, calls } = await against({ PUT: [taken] })

  await expect(write(small)).rejects.toMatchObject({ code: 'key_taken' })
  expect(calls()).toEqual(['PUT'])
})

const gone: Turn = { status: 404, body: errorBody('NoSuchUpload') }
const completions: [what: string, second: Turn, expected: string, lies: Buffer][] = [
  ['its upload is gone and its bytes are there', gone, 'done', large],
  ['the key is taken by its bytes', taken, 'done', large],
  ['the key is taken by other bytes', taken, 'key_taken', makePdf({ bytes: largeBytes, seed: 'other' })],
]

test.each(completions)('a completion without an answer, when %s', async (_what, second, expected, lies) => {
  const script = {
    ...multipart,
    'POST uploadId': ['lose_the_answer', second] satisfies Turn[],
    HEAD: [absent, found(large)],
    // A multipart object has no hash in its metadata, so it is read.
    GET: [{ status: 200, body: lies }],
  }
  const { writeParts } = await against(script)

  const outcome = await writeParts(large).then(
    () => 'done',
    (error: { code: string }) => error.code,
  )

  expect(outcome).toBe(expected)
})

test('a key that is used meanwhile is not overwritten by a completion', async () => {
  const { writeParts, calls } = await against({ ...multipart, HEAD: [found(small)] })

  await expect(writeParts(large)).rejects.toMatchObject({ code: 'key_taken' })
  expect(calls()).not.toContain('POST uploadId')
  expect(calls()).toContain('DELETE uploadId')
})

test('a completion that fails within a 200 answer is retried', async () => {
  const failed: Turn = { status: 200, body: errorBody('InternalError') }
  const { writeParts, calls } = await against({
    ...multipart,
    'POST uploadId': [failed, ...(multipart['POST uploadId'] ?? [])],
  })

  await expect(writeParts(large)).resolves.toMatchObject({ etag: 'whole-3' })
  expect(calls().filter((call) => call === 'POST uploadId')).toHaveLength(2)
})

const regions: [answer: string, turn: Turn][] = [
  ['PermanentRedirect', { status: 301, body: errorBody('PermanentRedirect', '<Endpoint>elsewhere</Endpoint>') }],
  ['AuthorizationHeaderMalformed', { status: 400, body: errorBody('AuthorizationHeaderMalformed') }],
]

test.each(regions)('a bucket in another region, reported by %s, is unavailable', async (_answer, turn) => {
  const { write, calls } = await against({ PUT: [turn] })

  await expect(write(small)).rejects.toMatchObject({ code: 'unavailable', failure: { trouble: 'wrong_place' } })
  expect(calls()).toEqual(['PUT'])
})

test('a truncated object is not read as complete', async () => {
  const { s3 } = await against({ GET: [{ begin: small.subarray(0, 1000), of: small.length }] })

  await expect(Array.fromAsync(await s3.store.read(key))).rejects.toMatchObject({ code: 'unavailable' })
})

test('a bucket whose first page is empty may not be empty, because deleted keys count too', async () => {
  const pages = [
    '<IsTruncated>true</IsTruncated><NextContinuationToken>on</NextContinuationToken>',
    '<Contents><Key>a-document</Key></Contents>',
  ].map((more) => ({ status: 200, body: `<ListBucketResult>${more}</ListBucketResult>` }))
  const { scripted, s3 } = await against({ GET: pages })

  expect(await s3.store.findAnything()).toBe('a-document')

  expect(scripted.asked.map(({ url }) => url.searchParams.get('continuation-token'))).toEqual([null, 'on'])
})
