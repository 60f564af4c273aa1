import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { callDocuments, problemOf } from '../../../support/documents/call-documents.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { listStored } from '../../connections/list-stored.ts'
import { describeCheck } from '../../describe-check.ts'

const both = serviceOnBothStores()

const names = [
  'a.pdf.exe',
  'a.pdf.html',
  'a.pdf.svg',
  'a.exe%00.pdf',
  'a.exe\0.pdf',
  'a.pdf\0',
  'a.pdf.',
  'a.pdf ',
  'a.pdf..',
  'a.pdf\t',
  'a.pdf\n',
  'a.pdf::$DATA',
  'a.pdf;.exe',
  'a.pdf\u00a0',
  '.pdf',
  'pdf',
  'a',
  'a.png',
  '',
  ' ',
]

describeCheck(11, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it.each(names)('a PDF whose name does not end in exactly .pdf is rejected: %j', async (fileName) => {
      const service = both[where]
      const { firm, admin } = await firmWithAdmin(service)
      const before = await listStored(service, both.bucket)
      // Written by hand, because a client library would change the name.
      const head = `--cut\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: application/pdf\r\n\r\n`

      const answer = await callDocuments(service.url, firm, admin, '?document_type=tax_clearance', {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=cut' },
        body: Uint8Array.from(Buffer.concat([Buffer.from(head), makePdf(), Buffer.from('\r\n--cut--\r\n')])),
      })

      expect([400, 415, 422]).toContain(answer.status)
      expect((await problemOf(answer)).detail).toMatch(/^[A-Z]/)
      expect(await listStored(service, both.bucket)).toEqual(before)
    })
  })
})
