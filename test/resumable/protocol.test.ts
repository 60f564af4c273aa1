import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import type { TestService } from '../support/service/start-service.ts'
import { callUploads, metadataOf, offsetOf } from './call-uploads.ts'

const both = serviceOnBothStores()
const stores = ['onS3', 'onDisk'] as const

async function uploadsOf(service: TestService) {
  const { firm, admin } = await firmWithAdmin(service)
  return { firm, admin, uploads: callUploads({ url: service.url, firm, person: admin }) }
}

it.each(stores)('a file in pieces becomes a document: %s', async (store) => {
  const { uploads } = await uploadsOf(both[store])
  const bytes = makePdf({ bytes: 9_500_000 })

  const begun = await uploads.begin(bytes.length)
  expect(begun.status).toBe(201)
  expect(begun.headers.get('tus-resumable')).toBe('1.0.0')
  expect(Date.parse(begun.headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now() + 23 * 3_600_000)
  const address = new URL(begun.headers.get('location') ?? '', both[store].url).href
  for (const [from, to] of [
    [0, 1_000_000],
    [1_000_000, 9_000_000],
    [9_000_000, 9_000_001],
  ] as const) {
    const sent = await uploads.send(address, from, bytes.subarray(from, to))
    expect([sent.status, offsetOf(sent), sent.headers.get('content-location')]).toEqual([204, to, null])
    const viewed = await uploads.view(address)
    expect([viewed.status, offsetOf(viewed), viewed.headers.get('upload-length')]).toEqual([200, to, '9500000'])
    expect(viewed.headers.get('cache-control')).toBe('no-store')
    expect(viewed.headers.get('upload-metadata')).toContain('document_type ')
  }
  const last = await uploads.send(address, 9_000_001, bytes.subarray(9_000_001))

  expect([last.status, offsetOf(last)]).toEqual([204, bytes.length])
  expect(last.headers.get('content-location')).toMatch(/^\/api\/v1\/security-firms\/[^/]+\/documents\/[^/]+$/)
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
  const viewed = await uploads.view(address)
  expect([viewed.status, offsetOf(viewed)]).toEqual([200, bytes.length])
  expect(viewed.headers.get('content-location')).toBe(last.headers.get('content-location'))
})

it.each(stores)('a file that comes with the beginning is finished at once: %s', async (store) => {
  const { uploads } = await uploadsOf(both[store])
  const bytes = makePdf({ bytes: 300_000 })

  const begun = await uploads.begin(bytes.length, { piece: bytes })

  expect([begun.status, offsetOf(begun)]).toEqual([201, bytes.length])
  expect(begun.headers.get('location')).toContain('/uploads/')
  expect((await uploads.download(begun)).equals(bytes)).toBe(true)
})

it.each(stores)('the last piece can be repeated: %s', async (store) => {
  const { uploads } = await uploadsOf(both[store])
  const bytes = makePdf({ bytes: 200_000 })
  const address = await uploads.beginAt(bytes.length)
  await uploads.send(address, 0, bytes.subarray(0, 150_000))
  const first = await uploads.send(address, 150_000, bytes.subarray(150_000))

  const again = await uploads.send(address, 150_000, bytes.subarray(150_000))

  expect([again.status, offsetOf(again)]).toEqual([204, bytes.length])
  expect(again.headers.get('content-location')).toBe(first.headers.get('content-location'))
})

it('another offset is a conflict, and a piece that is too long is too large', async () => {
  const { uploads } = await uploadsOf(both.onDisk)
  const address = await uploads.beginAt(1000)
  const piece = Buffer.alloc(100)

  expect(await uploads.send(address, 5, piece)).toMatchObject({ status: 409, code: 'conflict' })
  expect(await uploads.send(address, 0, Buffer.alloc(1001))).toMatchObject({ status: 413, code: 'too_large' })
  expect(await uploads.send(address, 0, piece)).toMatchObject({ status: 204 })
  expect(await uploads.send(address, 0, piece)).toMatchObject({ status: 409 })
})

it('what is wrong with a request is a problem document', async () => {
  const { uploads, admin } = await uploadsOf(both.onDisk)
  const address = await uploads.beginAt(1000)
  const metadata = metadataOf({ filename: 'a.pdf', document_type: 'registration_certificate' })
  const begin = async (headers: Record<string, string>) => uploads.call(uploads.root, 'POST', headers)
  const pieceType = 'application/offset+octet-stream'
  const answers = {
    'no length': await begin({ 'upload-metadata': metadata }),
    'a wrong length': await begin({ 'upload-length': '-1', 'upload-metadata': metadata }),
    'a deferred length': await begin({ 'upload-defer-length': '1', 'upload-metadata': metadata }),
    'broken metadata': await begin({ 'upload-length': '9', 'upload-metadata': 'filename §' }),
    'no type': await begin({ 'upload-length': '9', 'upload-metadata': metadataOf({ filename: 'a.pdf' }) }),
    'no name': await begin({ 'upload-length': '9', 'upload-metadata': metadataOf({ document_type: 'tax_clearance' }) }),
    'a wrong hash': await begin({ 'upload-length': '9', 'upload-metadata': `${metadata},sha256 YQ==` }),
    'an unknown type': await uploads.begin(9, { documentType: 'none' }),
    'an empty file': await uploads.begin(0),
    'a large file': await uploads.begin(20_000_000),
    'a wrong name': await uploads.begin(9, { fileName: 'a.exe' }),
    'no offset': await uploads.call(address, 'PATCH', { 'content-type': pieceType }, Buffer.alloc(1)),
    'another content type': await uploads.call(address, 'PATCH', { 'upload-offset': '0' }, Buffer.alloc(1)),
    'an unknown upload': await uploads.view(`${uploads.root}/${crypto.randomUUID()}`),
    'another version': await uploads.call(address, 'HEAD', { 'tus-resumable': '0.2.2' }),
    'no token': await uploads.call(address, 'PATCH', { authorization: '' }, Buffer.alloc(1)),
    'another method': await uploads.call(address, 'PUT', {}),
  }
  expect(
    Object.fromEntries(Object.entries(answers).map(([name, { status, code }]) => [name, `${status} ${code}`])),
  ).toEqual({
    'no length': '400 bad_request',
    'a wrong length': '400 bad_request',
    'a deferred length': '400 bad_request',
    'broken metadata': '400 bad_request',
    'no type': '422 validation_failed',
    'no name': '422 validation_failed',
    'a wrong hash': '422 validation_failed',
    'an unknown type': '422 validation_failed',
    'an empty file': '422 empty_file',
    'a large file': '413 too_large',
    'a wrong name': '415 unsupported_type',
    'no offset': '400 bad_request',
    'another content type': '415 unsupported_type',
    'an unknown upload': '404 undefined',
    'another version': '412 undefined',
    'no token': '401 unauthenticated',
    'another method': '405 method_not_allowed',
  })
  expect(answers['another version'].headers.get('tus-version')).toBe('1.0.0')
  expect(admin.id).toBeDefined()
})

it('the answer to the last byte links to an earlier document with the same bytes', async () => {
  const { uploads } = await uploadsOf(both.onDisk)
  const bytes = makePdf({ bytes: 20_000 })
  const first = await uploads.begin(bytes.length, { piece: bytes })
  const address = await uploads.beginAt(bytes.length, { documentType: 'tax_clearance' })
  const second = await uploads.send(address, 0, bytes)

  expect(first.headers.get('link')).toBeNull()
  expect([second.status, second.headers.get('link')]).toEqual([
    204,
    `<${first.headers.get('content-location')}>; rel="duplicate"`,
  ])
})

it('OPTIONS describes the protocol without a token', async () => {
  const { uploads } = await uploadsOf(both.onDisk)
  for (const address of [uploads.root, `${uploads.root}/${crypto.randomUUID()}`]) {
    const answer = await fetch(address, { method: 'OPTIONS' })

    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'tus-resumable': '1.0.0',
      'tus-version': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,expiration,termination',
      'tus-max-size': '10485760',
    })
  }
})
