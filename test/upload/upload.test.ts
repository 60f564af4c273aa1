import { createHash } from 'node:crypto'

import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { makeJpeg, makePdf, makePng } from '../support/files/make-files.ts'
import { addMember, makeFirm, makeMember, makePerson } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import type { DocumentShape } from '../../src/contract/documents.ts'

const both = serviceOnBothStores()

describe('a member uploads a document', () => {
  it('on S3 it is under the firm’s prefix with its metadata, and the answer describes it', async () => {
    const { firm, admin } = await firmWithAdmin(both.onS3)
    const bytes = makePdf({ bytes: 100_000 })

    const response = await uploadFile(both.onS3.url, firm, admin, { bytes, fileName: 'Lisensie ’26 – ñ.pdf' })
    const document = (await response.json()) as DocumentShape

    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe(`/api/v1/security-firms/${firm}/documents/${document.id}`)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(document).toMatchObject({
      firm_id: firm,
      document_type: 'registration_certificate',
      file_name: 'Lisensie ’26 – ñ.pdf',
      file_size: 100_000,
      mime_type: 'application/pdf',
      sha256,
      version: 1,
      uploaded_by: admin.id,
      is_verified: false,
      verified_at: null,
      review_status: 'pending',
      scan_status: 'skipped',
      storage: 's3',
      deleted_at: null,
    })

    const [object, ...others] = (await listBucket(both.bucket.client, both.bucket.name)).filter((thing) =>
      thing.key.includes(firm),
    )
    expect(others).toEqual([])
    expect(object?.key).toMatch(new RegExp(`^security_firms/${firm}/registration_certificate_[0-9a-f-]{36}\\.pdf$`))
    const head = await both.bucket.client.send(
      new HeadObjectCommand({ Bucket: both.bucket.name, Key: object?.key ?? '' }),
    )
    expect(head).toMatchObject({
      ContentType: 'application/pdf',
      CacheControl: 'private, no-store',
      Metadata: {
        'original-filename': 'Lisensie%20%E2%80%9926%20%E2%80%93%20%C3%B1.pdf',
        'document-type': 'registration_certificate',
        'firm-id': firm,
        'document-id': document.id,
        sha256,
      },
    })
    const stored = await both.bucket.client.send(
      new GetObjectCommand({ Bucket: both.bucket.name, Key: object?.key ?? '' }),
    )
    expect(Buffer.from((await stored.Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true)
  })

  it('on local storage it is under UPLOADS_DIR, readable only by the service, and the platform’s row names it', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)

    const document = await uploadDocument(both.onDisk.url, firm, admin, {
      bytes: makePng(),
      fileName: 'kaart.PNG',
      type: 'identity_document',
    })

    expect(document).toMatchObject({ storage: 'local', mime_type: 'image/png' })
    const files = (await listFolder(`${both.onDisk.folder}/uploads/security_firms/${firm}`)).filter(
      ({ kind }) => kind === 'file',
    )
    expect(files).toHaveLength(1)
    expect(files[0]?.path).toMatch(/^identity_document_[0-9a-f-]{36}\.png$/)
    expect(files[0]?.mode).toBe(0o600)
    const row = await both.onDisk.app.db
      .selectFrom('firm_documents')
      .selectAll()
      .where('id', '=', document.id as never)
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      firm_id: firm,
      document_type: 'identity_document',
      file_name: 'kaart.PNG',
      file_path: `uploads/security_firms/${firm}/${files[0]?.path}`,
      file_size: document.file_size,
      uploaded_by: admin.id,
      is_verified: false,
    })
  })

  it.each([
    ['a PDF', 'a.pdf', makePdf(), 'application/pdf'],
    ['a JPEG', 'a.jpeg', makeJpeg(), 'image/jpeg'],
    ['a PNG', 'a.png', makePng(), 'image/png'],
    [
      'a PDF with a byte-order mark before its header',
      'a.pdf',
      Buffer.concat([Buffer.from('\uFEFF\n'), makePdf()]),
      'application/pdf',
    ],
  ])(
    '%s is known by its content, where the client says nothing of its type',
    async (_what, fileName, bytes, mimeType) => {
      const { firm, admin } = await firmWithAdmin(both.onDisk)
      const document = await uploadDocument(both.onDisk.url, firm, admin, {
        fileName,
        bytes,
        contentType: 'text/plain',
      })
      expect(document.mime_type).toBe(mimeType)
    },
  )

  it('of 20 MB, too large for memory, is stored completely on S3', { timeout: 60_000 }, async () => {
    const large = await startService({ ...s3Settings(both.bucket), MAX_UPLOAD_BYTES: '30000000' })
    const { firm, admin } = await firmWithAdmin(large)
    const bytes = makePdf({ bytes: 20_000_000 })

    const document = await uploadDocument(large.url, firm, admin, { bytes })

    expect(document).toMatchObject({
      file_size: 20_000_000,
      storage: 's3',
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
    const download = await callDocuments(large.url, firm, admin, `/${document.id}/download`)
    const got = Buffer.from(await (await fetch(download.headers.get('location') ?? '')).arrayBuffer())
    expect(got.equals(bytes)).toBe(true)
    expect(await listFolder(`${large.folder}/data/spool`)).toEqual([])
    await large.stop()
  })

  it('by the type’s id as well as by its code', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const type = await both.onDisk.app.db
      .selectFrom('document_types')
      .select('id')
      .where('code', '=', 'tax_clearance')
      .executeTakeFirstOrThrow()
    const document = await uploadDocument(both.onDisk.url, firm, admin, { type: type.id })
    expect(document.document_type).toBe('tax_clearance')
  })

  it('with a name of 300 characters is saved with 255 characters and its extension', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const document = await uploadDocument(both.onDisk.url, firm, admin, { fileName: `${'é'.repeat(296)}.pdf` })
    expect(Array.from(document.file_name)).toHaveLength(255)
    expect(document.file_name.endsWith('é.pdf')).toBe(true)
  })
})

describe('an invalid file is rejected with a reason', () => {
  const refusals: [string, Parameters<typeof uploadFile>[3], number, string][] = [
    ['an empty file', { bytes: Buffer.alloc(0) }, 422, 'empty_file'],
    [
      'a program that calls itself PDF',
      { bytes: Buffer.concat([Buffer.from('MZ'), Buffer.alloc(5000)]) },
      415,
      'unsupported_type',
    ],
    [
      'HTML that calls itself PDF',
      { bytes: Buffer.from('<!doctype html><script>alert(1)</script>') },
      415,
      'unsupported_type',
    ],
    [
      'SVG that calls itself PNG',
      { bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), fileName: 'a.png' },
      415,
      'unsupported_type',
    ],
    [
      'a page that is a GIF too',
      { bytes: Buffer.from('GIF89a/*<html><script>alert(1)</script>*/'), fileName: 'a.pdf' },
      415,
      'unsupported_type',
    ],
    [
      'a PDF behind a page',
      { bytes: Buffer.concat([Buffer.from('<script>1</script>'), makePdf()]) },
      415,
      'unsupported_type',
    ],
    ['a PDF called PNG', { fileName: 'a.png' }, 415, 'unsupported_type'],
    ['a second extension', { fileName: 'a.pdf.exe' }, 415, 'unsupported_type'],
    ['a NUL in the name', { fileName: 'a.exe%00.pdf' }, 422, 'validation_failed'],
    ['a dot at the end', { fileName: 'a.pdf.' }, 415, 'unsupported_type'],
    ['a space at the end', { fileName: 'a.pdf ' }, 415, 'unsupported_type'],
    ['no extension', { fileName: 'scan' }, 415, 'unsupported_type'],
    ['an unknown document type', { type: 'diary' }, 422, 'validation_failed'],
    ['a type that climbs', { type: '../../etc' }, 422, 'validation_failed'],
    ['a type with an encoded climb', { type: '%2e%2e%2f' }, 422, 'validation_failed'],
    ['another hash than the one declared', { query: { sha256: 'a'.repeat(64) } }, 422, 'validation_failed'],
    ['a hash that is none', { query: { sha256: 'xyz' } }, 422, 'validation_failed'],
    ['more than the limit', { bytes: makePdf({ bytes: 10_485_761 }) }, 413, 'too_large'],
  ]

  it.each(refusals)('%s', async (_what, wish, status, code) => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const before = await listFolder(both.onDisk.folder)

    const response = await uploadFile(both.onDisk.url, firm, admin, wish)
    const problem = await problemOf(response)

    expect({ status: response.status, code: problem.code }).toEqual({ status, code })
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(problem).toMatchObject({
      status,
      message: problem.detail,
      error_code: code,
      request_id: response.headers.get('x-request-id'),
    })
    expect(await listFolder(both.onDisk.folder)).toEqual(before)
    expect(await (await callDocuments(both.onDisk.url, firm, admin)).json()).toEqual([])
  })

  it('a file of exactly the maximum size is accepted', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const document = await uploadDocument(both.onDisk.url, firm, admin, { bytes: makePdf({ bytes: 10_485_760 }) })
    expect(document.file_size).toBe(10_485_760)
  })

  it('a document type in the form gets an error that it belongs in the address', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const form = new FormData()
    form.append('document_type', 'tax_clearance')
    const answer = await callDocuments(both.onDisk.url, firm, admin, '', { method: 'POST', body: form })

    expect(answer.status).toBe(422)
    expect((await problemOf(answer)).detail).toContain('?document_type=')
  })

  it('a form without a file gets an error that explains how to send one', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const form = new FormData()
    form.append('note', 'hello')
    const response = await callDocuments(both.onDisk.url, firm, admin, '?document_type=tax_clearance', {
      method: 'POST',
      body: form,
    })
    expect(response.status).toBe(422)
    expect((await problemOf(response)).detail).toContain('field named "file"')
  })
})

describe('a person without the right to upload', () => {
  it('a stranger, and a member of an unknown firm, get the same answer', async () => {
    const { firm } = await firmWithAdmin(both.onDisk)
    const stranger = await makePerson(both.onDisk.app)
    const other = await uploadFile(both.onDisk.url, firm, stranger)
    const missing = await uploadFile(both.onDisk.url, crypto.randomUUID(), stranger)
    const [a, b] = [await problemOf(other), await problemOf(missing)]
    expect([other.status, a.code, a.detail]).toEqual([403, 'not_a_member', b.detail])
    expect([missing.status, b.code]).toEqual([403, 'not_a_member'])
  })

  it('a pending member, a locked person, a platform administrator, a member of a locked firm', async () => {
    const { firm } = await firmWithAdmin(both.onDisk)
    const pending = await makePerson(both.onDisk.app)
    await addMember(both.onDisk.app, firm, pending, { status: 'pending' })
    const locked = await makePerson(both.onDisk.app, { isLocked: true })
    await addMember(both.onDisk.app, firm, locked)
    const administrator = await makePerson(both.onDisk.app, { role: 'admin' })
    const lockedFirm = await makeFirm(both.onDisk.app, { isLocked: true })
    const memberThere = await makeMember(both.onDisk.app, lockedFirm)

    const codes = await Promise.all(
      (
        [
          [firm, pending],
          [firm, locked],
          [firm, administrator],
          [lockedFirm, memberThere],
        ] as const
      ).map(async ([where, who]) => {
        const response = await uploadFile(both.onDisk.url, where, who)
        return [response.status, (await problemOf(response)).code]
      }),
    )
    expect(codes).toEqual([
      [403, 'not_a_member'],
      [403, 'forbidden'],
      [403, 'forbidden'],
      [403, 'firm_locked'],
    ])
  })
})
