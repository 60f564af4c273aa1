import { deflateRawSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { makeJpeg, makePdf, makePng } from '../../../support/files/make-files.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { listStored } from '../../connections/list-stored.ts'
import { describeCheck } from '../../describe-check.ts'

const stores = serviceOnBothStores()

const page = '<!doctype html><script>alert(document.cookie)</script>'

const disguised: [string, Buffer][] = [
  ['a Windows program', Buffer.concat([Buffer.from('MZ\x90\0'), Buffer.alloc(5000)])],
  ['a Windows program before a PDF', Buffer.concat([Buffer.from('MZ\x90\0'), makePdf()])],
  ['a Linux program', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(5000)])],
  ['a page', Buffer.from(page)],
  ['a page with a byte-order mark', Buffer.from(`\uFEFF\n ${page}`)],
  ['a page before a PDF', Buffer.concat([Buffer.from(page), makePdf()])],
  ['a page in UTF-16', Buffer.from(page, 'utf16le')],
  ['a page in UTF-16 before a PDF', Buffer.concat([Buffer.from(page, 'utf16le'), makePdf()])],
  ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
  ['an SVG with an XML head', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['a GIF that is a page too', Buffer.from(`GIF89a/*${page}*/=1;`)],
  ['a GIF before a PDF', Buffer.concat([Buffer.from('GIF89a\x01\0\x01\0'), makePdf()])],
  ['a ZIP', zip()],
  ['a ZIP before a PDF', Buffer.concat([zip(), makePdf()])],
  ['a PNG before a PDF', Buffer.concat([makePng(), makePdf()])],
  ['text', Buffer.from('just words')],
  ['a PDF header that comes too late', Buffer.concat([Buffer.alloc(1100, 32), makePdf()])],
]

const withPageBehind: [string, Buffer, string, string][] = [
  ['a PDF', makePdf(), 'a.pdf', 'application/pdf'],
  ['a JPEG', makeJpeg(), 'a.jpg', 'image/jpeg'],
  ['a PNG', makePng(), 'a.png', 'image/png'],
]

describeCheck(12, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it.each(disguised)('%s sent as a PDF is rejected, and nothing is stored', async (_what, bytes) => {
      const service = stores[where]
      const { firm, admin } = await firmWithAdmin(service)
      const before = await listStored(service, stores.bucket)

      const answer = await uploadFile(service.url, firm, admin, {
        bytes,
        fileName: 'licence.pdf',
        contentType: 'application/pdf',
      })

      expect([answer.status, (await problemOf(answer)).code]).toEqual([415, 'unsupported_type'])
      expect(await listStored(service, stores.bucket)).toEqual(before)
    })

    it.each(withPageBehind)(
      '%s followed by a page is served as its first format, and never run',
      async (_what, bytes, fileName, mimeType) => {
        const service = stores[where]
        const { firm, admin } = await firmWithAdmin(service)
        const both = Buffer.concat([bytes, Buffer.from(page)])
        const document = await uploadDocument(service.url, firm, admin, {
          bytes: both,
          fileName,
          contentType: 'application/octet-stream',
        })

        const answer = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
        const link = answer.headers.get('location')
        const file = link === null ? answer : await fetch(link)

        expect(file.headers.get('content-type')).toBe(mimeType)
        expect(file.headers.get('content-disposition')).toMatch(/^attachment;/)
        // S3 forces the two above. The service's own answers have these too.
        const policy = file.headers.get('content-security-policy') ?? ''
        const ours = [file.headers.get('x-content-type-options'), policy.includes('sandbox')]
        expect(ours).toEqual(link === null ? ['nosniff', true] : [null, false])
        await file.arrayBuffer()
      },
    )
  })
})

/** A ZIP with one entry without a name is enough for its signature. */
function zip(): Buffer {
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50)
  local.writeUInt16LE(20, 4)
  local.writeUInt16LE(8, 8)
  return Buffer.concat([local, deflateRawSync(Buffer.from(page))])
}
