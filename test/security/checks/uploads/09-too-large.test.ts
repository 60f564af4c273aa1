import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { problemOf, uploadFile } from '../../../support/documents/call-documents.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { listStored } from '../../connections/list-stored.ts'
import {
  asChunk,
  formEnd,
  formStart,
  openRaw,
  type RawAnswer,
  serveWatched,
  uploadHead,
  type WatchedServer,
} from '../../../support/http/raw-connection.ts'
import { describeCheck } from '../../describe-check.ts'

const limit = 2_000_000
/**
 * The bytes that the server may read beyond the limit: those that it discards so that its answer arrives, and its
 * buffers.
 */
const tolerated = limit + 1024 * 1024 + 512 * 1024

let bucket: FreshBucket
let onS3: TestService
let onDisk: TestService
let watched: Map<TestService, WatchedServer>
beforeAll(async () => {
  bucket = await freshBucket()
  onS3 = await startService({ ...s3Settings(bucket), MAX_UPLOAD_BYTES: String(limit) })
  onDisk = await startService({ MAX_UPLOAD_BYTES: String(limit) })
  watched = new Map([
    [onS3, await serveWatched(onS3.app)],
    [onDisk, await serveWatched(onDisk.app)],
  ])
})
afterAll(async () => {
  for (const server of watched.values()) await server.stop()
  await onS3.stop()
  await onDisk.stop()
  await bucket.remove()
})

/** Waits for the clean-up after an error, up to ten seconds. */
async function storedAtLast(service: TestService, before: unknown): Promise<unknown> {
  let now = await listStored(service, bucket)
  for (let tries = 0; tries < 100 && JSON.stringify(now) !== JSON.stringify(before); tries += 1) {
    await sleep(100)
    now = await listStored(service, bucket)
  }
  return now
}

/** Sends an upload in chunks until the server accepts no more, and returns the number of read bytes. */
async function sendPieces(service: TestService, header: string, pieces: Iterable<Buffer | string>) {
  const { firm, admin } = await firmWithAdmin(service)
  const before = await listStored(service, bucket)
  const server = watched.get(service)
  if (server === undefined) throw new Error('this service is not watched')
  const readBefore = server.bytesRead()

  const connection = await openRaw(server.url)
  await connection.send(uploadHead(firm, admin.headers.authorization, header))
  for (const piece of pieces) if (!(await connection.send(piece))) break
  connection.finish()
  const answer = await connection.answer

  return { answer, read: server.bytesRead() - readBefore, before, after: await storedAtLast(service, before) }
}

const piece = makePdf({ bytes: 64 * 1024 })

/** 25 MB, if all of it were read. */
function* endless(wrap: (bytes: Buffer | string) => Buffer | string) {
  yield wrap(formStart)
  for (let count = 0; count < 400; count += 1) yield wrap(piece)
}

function codeIn({ status, body }: RawAnswer): string | undefined {
  return status === undefined ? undefined : (JSON.parse(body) as { code: string }).code
}

describeCheck(9, () => {
  describe.each([
    ['S3', () => onS3],
    ['local storage', () => onDisk],
  ])('more than the limit, with %s', (_where, serviceOf) => {
    it('one byte more is 413, and nothing is left', async () => {
      const service = serviceOf()
      const { firm, admin } = await firmWithAdmin(service)
      const before = await listStored(service, bucket)

      const answer = await uploadFile(service.url, firm, admin, { bytes: makePdf({ bytes: limit + 1 }) })

      expect([answer.status, (await problemOf(answer)).code]).toEqual([413, 'too_large'])
      expect(await storedAtLast(service, before)).toEqual(before)
    })

    it('25 MB of a declared length are cut off early, and nothing is left', async () => {
      const { answer, read, before, after } = await sendPieces(
        serviceOf(),
        `Content-Length: ${formStart.length + 400 * piece.length + formEnd.length}`,
        endless((bytes) => bytes),
      )

      // The answer may be lost in the reset that follows it.
      expect(['too_large', undefined]).toContain(codeIn(answer))
      expect(read).toBeLessThan(tolerated)
      expect(after).toEqual(before)
    })

    it('25 MB without a declared length (chunked) are cut off soon after the limit, and nothing is left', async () => {
      const { answer, read, before, after } = await sendPieces(
        serviceOf(),
        'Transfer-Encoding: chunked',
        endless(asChunk),
      )

      expect(['too_large', undefined]).toContain(codeIn(answer))
      expect(read).toBeGreaterThan(limit)
      expect(read).toBeLessThan(tolerated)
      expect(after).toEqual(before)
    })

    it.each([
      ['of a declared length', `Content-Length: ${400 * piece.length}`, 'too_large'],
      ['without one', 'Transfer-Encoding: chunked', 'bad_request'],
    ])('25 MB %s without a file are cut off long before the limit', async (_what, header, code) => {
      const wrap = header.includes('chunked') ? asChunk : (bytes: Buffer | string) => bytes
      const pieces = Array.from({ length: 400 }, () => wrap(piece))
      const { answer, read, before, after } = await sendPieces(serviceOf(), header, pieces)

      expect([code, undefined]).toContain(codeIn(answer))
      expect(read).toBeLessThan(limit)
      expect(after).toEqual(before)
    })

    it('a declared length above the limit of the document type is rejected after the first bytes', async () => {
      const service = serviceOf()
      const { firm, admin } = await firmWithAdmin(service)
      await service.app.db
        .updateTable('document_types')
        .set({ max_bytes: 1000 })
        .where('code', '=', 'tax_clearance')
        .execute()

      const connection = await openRaw(service.url)
      await connection.send(uploadHead(firm, admin.headers.authorization, 'Content-Length: 100000'))
      await connection.send(Buffer.concat([Buffer.from(formStart), makePdf({ bytes: 5000 })]))
      const answer = await connection.answer
      await service.app.db
        .updateTable('document_types')
        .set({ max_bytes: null })
        .where('code', '=', 'tax_clearance')
        .execute()

      expect([answer.status, codeIn(answer)]).toEqual([413, 'too_large'])
    })

    it.each([
      ['a small file', 900],
      ['more than the limit', 6_000_000],
    ])('a declared length of 300 bytes before %s leaves nothing', async (_what, bytes) => {
      const pieces = [formStart, makePdf({ bytes }), formEnd]
      const { answer, read, before, after } = await sendPieces(serviceOf(), 'Content-Length: 300', pieces)

      expect(['bad_request', undefined]).toContain(codeIn(answer))
      expect(read).toBeLessThan(tolerated)
      expect(after).toEqual(before)
    })

    it('a declared length that exceeds the body leaves nothing', async () => {
      const file = makePdf({ bytes: 50_000 })
      const { before, after } = await sendPieces(serviceOf(), 'Content-Length: 900000', [formStart, file, formEnd])

      expect(after).toEqual(before)
    })

    it('a declared length together with chunks is rejected, and nothing is left', async () => {
      const { answer, before, after } = await sendPieces(
        serviceOf(),
        'Content-Length: 50\r\nTransfer-Encoding: chunked',
        [formStart, makePdf(), formEnd].map(asChunk),
      )

      expect(answer.status).toBe(400)
      expect(after).toEqual(before)
    })
  })
})
