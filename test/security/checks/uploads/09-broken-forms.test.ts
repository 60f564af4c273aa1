import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { listStored } from '../../connections/list-stored.ts'
import { formEnd, formStart, openRaw, type RawAnswer, uploadHead } from '../../../support/http/raw-connection.ts'
import { describeCheck } from '../../describe-check.ts'

let bucket: FreshBucket
let onS3: TestService
let onDisk: TestService
beforeAll(async () => {
  bucket = await freshBucket()
  onS3 = await startService({ ...s3Settings(bucket), MAX_UPLOAD_BYTES: '60000000' })
  onDisk = await startService({ MAX_UPLOAD_BYTES: '60000000' })
})
afterAll(async () => {
  await onS3.stop()
  await onDisk.stop()
  await bucket.remove()
})

/** A whole request with any form, and the stored files before and after it. */
async function send(service: TestService, form: Buffer, contentType?: string) {
  const { firm, admin } = await firmWithAdmin(service)
  const all = async () => ({ kept: await listStored(service, bucket), memory: service.app.budget.free() })
  const before = await all()
  const connection = await openRaw(service.url)
  const head = uploadHead(firm, admin.headers.authorization, `Content-Length: ${form.length}`, 'Connection: close')
  const defaults = 'Content-Type: multipart/form-data; boundary=cut'
  await connection.send(head.replace(defaults, contentType ?? defaults))
  await connection.send(form)
  const answer = await connection.answer
  return { answer, before, after: await all() }
}

function toldIn({ status, body }: RawAnswer): unknown[] {
  return [status, (JSON.parse(body) as { code: string }).code]
}

const field = '--cut\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
const small = makePdf({ bytes: 100_000 })
/** More than fits into memory, so that it goes through the spool. */
const large = makePdf({ bytes: 20_000_000 })
const sizes: [string, Buffer][] = [
  ['small', small],
  ['large', large],
]

function formOf(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

describeCheck(9, () => {
  describe.each([
    ['S3', () => onS3],
    ['local storage', () => onDisk],
  ])('a malformed form is rejected as malformed, with %s', (_where, serviceOf) => {
    const broken: [string, Buffer, string?][] = [
      ['names no boundary', formOf(formStart, small, formEnd), 'Content-Type: multipart/form-data'],
      ['is no form', Buffer.alloc(1000, 'x')],
      ["ends inside a part's header", formOf('--cut\r\nContent-Disposition: form-data; na')],
      ['ends before its file begins', formOf(field, 'hello\r\n--cut')],
      ['has a field that is too long', formOf(field, 'x'.repeat(1025), '\r\n', formStart, small, formEnd)],
    ]
    for (const [size, file] of sizes)
      broken.push(
        [`ends inside a ${size} file`, formOf(formStart, file.subarray(0, -10))],
        [`ends before the last boundary, after a ${size} file`, formOf(formStart, file)],
        [`ends within the last boundary, after a ${size} file`, formOf(formStart, file, '\r\n--cut')],
        [`has a second file after a ${size} one`, formOf(formStart, file, '\r\n', formStart, small, formEnd)],
        [
          `has too many fields after a ${size} file`,
          formOf(formStart, file, '\r\n', `${field}x\r\n`.repeat(6), formEnd.slice(2)),
        ],
        [
          `has a field that is too long after a ${size} file`,
          formOf(formStart, file, '\r\n', field, 'x'.repeat(1025), formEnd),
        ],
        [`goes on for 1 MB after a ${size} file`, formOf(formStart, file, formEnd, Buffer.alloc(1_000_000, 'x'))],
      )

    it.each(broken)('%s', async (_what, form, contentType) => {
      const { answer, before, after } = await send(serviceOf(), form, contentType)

      expect(toldIn(answer)).toEqual([400, 'bad_request'])
      expect(after).toEqual(before)
    })

    it.each(sizes)('a %s file among small fields is accepted', async (_size, file) => {
      const form = formOf(field, 'before\r\n', formStart, file, '\r\n', field, 'x'.repeat(1024), formEnd)
      const { answer } = await send(serviceOf(), form)

      expect(answer.status).toBe(201)
      expect(JSON.parse(answer.body)).toMatchObject({ file_size: file.length })
    })

    it('ends within a file whose name is rejected', async () => {
      const form = formOf(formStart.replace('a.pdf', 'a\u0007.pdf'), small.subarray(0, 5000))
      const { answer, before, after } = await send(serviceOf(), form)

      // Either of the two may be detected first.
      expect([
        [400, 'bad_request'],
        [422, 'validation_failed'],
      ]).toContainEqual(toldIn(answer))
      expect(after).toEqual(before)
    })

    it('has a part without a name: it has no file', async () => {
      const form = formOf('--cut\r\nContent-Type: application/pdf\r\n\r\n', small, formEnd)
      const { answer, before, after } = await send(serviceOf(), form)

      expect(toldIn(answer)).toEqual([422, 'validation_failed'])
      expect(after).toEqual(before)
    })
  })
})
