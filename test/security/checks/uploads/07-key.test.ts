import { randomUUID } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { uploadFile } from '../../../support/documents/call-documents.ts'
import { listBucket, listFolder } from '../../../support/s3/list-everything.ts'
import { makeJpeg, makePdf, makePng } from '../../../support/files/make-files.ts'
import { type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'

const both = serviceOnBothStores()

/** Name, bytes, and the expected extension of the bytes. The form's parser keeps only the last part of a path. */
const documents: [string, Buffer, string][] = [
  ['licence.pdf', makePdf(), 'pdf'],
  ['LICENCE.PDF', makePdf(), 'pdf'],
  ['photo.jpg', makeJpeg(), 'jpg'],
  ['photo.JPEG', makeJpeg(), 'jpg'],
  ['scan.png', makePng(), 'png'],
  ['a.php.png', makePng(), 'png'],
  ['../../../../etc/cron.d/job.pdf', makePdf(), 'pdf'],
  ['..\\..\\windows\\win.pdf', makePdf(), 'pdf'],
  ['/etc/passwd.pdf', makePdf(), 'pdf'],
  ['%2e%2e%2f%2e%2e%2fx.pdf', makePdf(), 'pdf'],
  [`${randomUUID()}.pdf`, makePdf(), 'pdf'],
  ['$(touch x);`id`|&.pdf', makePdf(), 'pdf'],
  ['ñ 📄 \u202egpj.pdf', makePdf(), 'pdf'],
  ['x'.repeat(400).concat('.pdf'), makePdf(), 'pdf'],
]

describeCheck(7, () => {
  describe.each([
    ['S3', () => both.onS3],
    ['local storage', () => both.onDisk],
  ])('on %s', (where, serviceOf) => {
    it.each(documents)(
      'a key consists of firm, type, a new id and the detected type, whatever the name: %j',
      async (fileName, bytes, extension) => {
        const service = serviceOf()
        const { firm, admin } = await firmWithAdmin(service)

        const answer = await uploadFile(service.url, firm, admin, { fileName, bytes, type: 'bank_statement' })

        const kept = (await listKeys(where, service)).filter((key) => key.includes(firm))
        const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
        const form = new RegExp(`^security_firms/${firm}/bank_statement_${uuid}\\.${extension}$`)
        expect(answer.status).toBe(201)
        expect(kept.map((key) => form.test(key))).toEqual([true])
      },
    )

    it('the store has no other file', async () => {
      const form = /^security_firms\/[0-9a-f-]{36}\/bank_statement_[0-9a-f-]{36}\.(pdf|jpg|png)$/
      const others = (await listKeys(where, serviceOf())).filter((key) => !form.test(key))

      expect(others.filter((key) => !['.store-id', 'paniq-documents.json'].includes(key))).toEqual([])
    })
  })
})

async function listKeys(where: string, service: TestService): Promise<string[]> {
  if (where === 'S3') return (await listBucket(both.bucket.client, both.bucket.name)).map(({ key }) => key)
  const entries = await listFolder(`${service.folder}/uploads`)
  return entries.filter(({ kind }) => kind !== 'folder').map(({ path }) => path)
}
