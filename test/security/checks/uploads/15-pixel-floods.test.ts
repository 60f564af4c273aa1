import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { jpegOfSize, pngOfSize } from '../../../support/files/sized-pictures.ts'
import { describeCheck } from '../../describe-check.ts'
import { listStored } from '../../connections/list-stored.ts'

const both = serviceOnBothStores()

/** Each header has this number of pixels without any data: only the header can show it. */
const floods: [string, Buffer, string][] = [
  ['a PNG of 50,000 × 50,000 pixels', pngOfSize(50_000, 50_000), 'a.png'],
  ['a PNG that ends behind its header', pngOfSize(50_000, 50_000).subarray(0, 33), 'a.png'],
  ['a PNG one line above what is allowed', pngOfSize(12_000, 10_001), 'a.png'],
  ['a PNG as wide as can be, and one pixel high', pngOfSize(2 ** 31 - 1, 1), 'a.png'],
  ['a PNG whose width times height is more than a number of 64 bits', pngOfSize(2 ** 31 - 1, 2 ** 31 - 1), 'a.png'],
  ['a JPEG of 65,500 × 65,500 pixels', jpegOfSize(65_500, 65_500), 'a.jpg'],
]

describeCheck(15, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it.each(floods)('%s is 413 with its number of pixels, and nothing is stored', async (_what, bytes, fileName) => {
      const service = both[where]
      const { firm, admin } = await firmWithAdmin(service)
      const before = await listStored(service, both.bucket)

      const answer = await uploadFile(service.url, firm, admin, { bytes, fileName, contentType: '' })

      const { code, detail } = await problemOf(answer)
      expect([answer.status, code]).toEqual([413, 'too_large'])
      expect(detail).toMatch(/pixels; the maximum is 120 million/)
      expect(await listStored(service, both.bucket)).toEqual(before)
    })

    it('a picture with exactly the maximum is accepted', async () => {
      const service = both[where]
      const { firm, admin } = await firmWithAdmin(service)
      const options = { fileName: 'a.png', contentType: '', bytes: pngOfSize(12_000, 10_000) }

      expect(await uploadDocument(service.url, firm, admin, options)).toMatchObject({ mime_type: 'image/png' })
    })
  })
})
