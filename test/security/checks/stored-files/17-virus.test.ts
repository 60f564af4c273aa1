import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../../../src/contract/documents.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { type ClamdInHand, clamdInHand } from '../../../support/run/controlled-clamd.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { makeInfectedPdf, makePdfWithInfectedZip } from '../../../support/files/infected-files.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { listStored } from '../../connections/list-stored.ts'
import { describeCheck } from '../../describe-check.ts'

let clamd: ClamdInHand
let bucket: FreshBucket
let onS3: TestService
let onDisk: TestService
beforeAll(async () => {
  clamd = await clamdInHand()
  bucket = await freshBucket()
  const scanning = { CLAMD_URL: clamd.url, MAX_UPLOAD_BYTES: '60000000' }
  onS3 = await startService({ ...s3Settings(bucket), ...scanning })
  onDisk = await startService(scanning)
})
afterAll(async () => {
  await onS3?.stop()
  await onDisk?.stop()
  await bucket?.remove()
  await clamd?.remove()
})

const infected = [
  ['in a valid PDF', makeInfectedPdf()],
  ['in a ZIP in a valid PDF', makePdfWithInfectedZip()],
  ['in a PDF of 18 MB, which streams to the store while it is scanned', makeInfectedPdf({ bytes: 18_000_000 })],
] as const
const cases = infected.flatMap(([what, bytes]) =>
  (['S3', 'local storage'] as const).map((store) => ({ what, bytes, store })),
)

describeCheck(17, () => {
  describe('EICAR is rejected: nothing is stored, and the trail, the log and a metric record it', () => {
    it.each(cases)('$what, with files on $store', async ({ bytes, store }) => {
      const service = store === 'S3' ? onS3 : onDisk
      const { firm, admin } = await firmWithAdmin(service)
      const before = await listStored(service, bucket)
      const counted = await infectedOf(service)

      const response = await uploadFile(service.url, firm, admin, { bytes, fileName: 'Sipho Dlamini.pdf' })

      expect(response.status).toBe(422)
      const problem = await problemOf(response)
      expect(problem).toMatchObject({ code: 'infected', detail: expect.stringContaining('Eicar-Test-Signature') })
      expect(await listStored(service, bucket)).toEqual(before)

      const events = await service.app.db
        .selectFrom('document_events')
        .select(['action', 'outcome', 'actor_id', 'request_id', 'details'])
        .where('firm_id', '=', firm)
        .where('outcome', '=', 'infected')
        .execute()
      expect(events).toEqual([
        {
          action: 'document.uploaded',
          outcome: 'infected',
          actor_id: admin.id,
          request_id: problem.request_id,
          details: { signature: 'Eicar-Test-Signature.UNOFFICIAL' },
        },
      ])
      expect(await infectedOf(service)).toBe(counted + 1)

      const lines = service.logLines.filter((line) => line.includes(problem.request_id))
      const logged = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'upload_infected')
      expect(logged).toEqual([expect.objectContaining({ level: 'warn', signature: 'Eicar-Test-Signature.UNOFFICIAL' })])
      expect(lines.join()).not.toContain('Dlamini')
    })

    it('a clean file of the same firm is accepted, is clean, and can be downloaded', async () => {
      const { firm, admin } = await firmWithAdmin(onDisk)
      for (const bytes of [makePdf(), makePdf({ bytes: 18_000_000 })]) {
        const document = await uploadDocument(onDisk.url, firm, admin, { bytes })
        expect(document.scan_status).toBe('clean')
        const download = await callDocuments(onDisk.url, firm, admin, `/${document.id}/download`)
        expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true)
      }
      const list = (await (await callDocuments(onDisk.url, firm, admin)).json()) as DocumentShape[]
      expect(list.map(({ scan_status }) => scan_status)).toEqual(['clean', 'clean'])
    })
  })
})

async function infectedOf({ app }: TestService): Promise<number> {
  const { values } = await app.metrics.scans.get()
  return values.find(({ labels }) => labels.occasion === 'upload' && labels.verdict === 'infected')?.value ?? 0
}
