import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { callDocuments, uploadDocument } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { describeCheck } from '../../describe-check.ts'

const stores = serviceOnBothStores()

const mark = Buffer.from('\uFEFF')

describeCheck(13, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it.each([
      ['a byte-order mark', mark],
      ['a byte-order mark and an empty line', Buffer.concat([mark, Buffer.from('\r\n')])],
      ['what a printer sends first', Buffer.from('\u001b%-12345X@PJL ENTER LANGUAGE=PDF\r\n')],
      ['as much before it as is allowed', Buffer.concat([mark, Buffer.alloc(1024 - mark.length, ' ')])],
    ])('a PDF with %s before its header is accepted, and served unchanged', async (_what, before) => {
      const service = stores[where]
      const { firm, admin } = await firmWithAdmin(service)
      const bytes = Buffer.concat([before, makePdf()])

      const document = await uploadDocument(service.url, firm, admin, { bytes })
      const given = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
      const link = given.headers.get('location')
      const answer = link === null ? given : await fetch(link)

      expect(document).toMatchObject({ mime_type: 'application/pdf', file_size: bytes.length })
      expect(answer.headers.get('content-type')).toBe('application/pdf')
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    })
  })
})
