import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'

const both = serviceOnBothStores()

it.each(['tax.clearance', 'Tax Clearance', 'ÄFFIDAVIT'])(
  'a type that the platform calls %s is uploaded and comes back, under its own code',
  async (code) => {
    for (const service of [both.onS3, both.onDisk]) {
      await service.app.db
        .insertInto('document_types')
        .values({ id: randomUUID(), code, name: code, is_required: false, is_active: true, created_by: randomUUID() })
        .execute()
      const { firm, admin } = await firmWithAdmin(service)

      const document = await uploadDocument(service.url, firm, admin, { type: code })
      const download = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
      const file = download.status === 302 ? await fetch(download.headers.get('location') ?? '') : download

      expect([document.document_type, file.status]).toEqual([code, 200])
      await file.body?.cancel()
    }
  },
)

it('a name in decomposed Unicode, as some phones send it, is stored unchanged', async () => {
  const { firm, admin } = await firmWithAdmin(both.onDisk)
  const fileName = 'Lisensie\u0308.pdf'
  const document = await uploadDocument(both.onDisk.url, firm, admin, { fileName })
  expect(document.file_name).toBe(fileName)
})
