import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { addVersion } from '../../../support/documents/call-versions.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'
import { listStored } from '../../connections/list-stored.ts'

const both = serviceOnBothStores()
const bytes = Buffer.alloc(0)

describeCheck(10, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it('a file of 0 bytes is 422, as a document and as a version', async () => {
      const service = both[where]
      const { firm, admin } = await firmWithAdmin(service)
      const { id } = await uploadDocument(service.url, firm, admin)
      const before = await listStored(service, both.bucket)

      const answers = [
        await uploadFile(service.url, firm, admin, { bytes }),
        await addVersion(service.url, { firm, id }, admin, { bytes }),
      ]

      for (const answer of answers) expect([answer.status, (await problemOf(answer)).code]).toEqual([422, 'empty_file'])
      expect(await listStored(service, both.bucket)).toEqual(before)
    })
  })
})
