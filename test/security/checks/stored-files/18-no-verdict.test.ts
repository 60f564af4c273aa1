import { describe, expect, it } from 'vitest'

import { defaultClamdLimits } from '../../../../src/scanner/clamd.ts'
import { callDocuments, problemOf, uploadDocument } from '../../../support/documents/call-documents.ts'
import { clamdInHand } from '../../../support/run/controlled-clamd.ts'
import { type Fault, startFaultProxy } from '../../../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { eicarFile, nestEicar, zipOf } from '../../../support/files/infected-files.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { sceneOfFile } from '../../../support/service/scene-of-file.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const clamd = await clamdInHand({ StreamMaxLength: '30M', AlertEncrypted: 'yes' })
  closing.defer(() => clamd.remove())
  const proxy = await startFaultProxy({ port: clamd.port })
  closing.defer(() => proxy.close())
  const settings = { CLAMD_URL: `tcp://127.0.0.1:${proxy.port}`, MAX_UPLOAD_BYTES: '60000000' }
  const limits = { clamd: { ...defaultClamdLimits, stallMs: 2000, verdictMs: 2000, restMs: 0 } }
  const onS3 = await startService({ ...s3Settings(bucket), ...settings }, limits)
  closing.defer(() => onS3.stop())
  const onDisk = await startService(settings, limits)
  closing.defer(() => onDisk.stop())
  return { bucket, proxy, onS3, onDisk }
})

const plain = makePdf()
const large = makePdf({ bytes: 18_000_000 })
const cases: { what: string; fault: Fault; bytes: Buffer }[] = [
  { what: 'the scanner is down', fault: { kind: 'refuse' }, bytes: plain },
  { what: 'the scanner is down, and the file large', fault: { kind: 'refuse' }, bytes: large },
  { what: 'it takes the file and says nothing', fault: { kind: 'swallow_answer' }, bytes: plain },
  { what: 'it takes nothing of a large file', fault: { kind: 'hang' }, bytes: large },
  {
    what: 'it is cut off in the middle of a large file',
    fault: { kind: 'cut_up', afterBytes: 1_000_000 },
    bytes: large,
  },
  { what: 'it is cut off within its answer', fault: { kind: 'cut_down', afterBytes: 10 }, bytes: plain },
  { what: 'the file is larger than it takes', fault: { kind: 'none' }, bytes: makePdf({ bytes: 40_000_000 }) },
  {
    what: 'something in the file is packed deeper than it looks',
    fault: { kind: 'none' },
    bytes: makePdf({ attached: nestEicar(25) }),
  },
  {
    what: 'something in the file has a password',
    fault: { kind: 'none' },
    bytes: makePdf({ attached: zipOf('a.com', eicarFile, 1) }),
  },
]

describeCheck(18, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it.each(cases)('$what', async ({ fault, bytes }) => {
      const service = scene[where]
      const { firm, admin } = await firmWithAdmin(service)
      scene.proxy.setFault(fault)

      const document = await uploadDocument(service.url, firm, admin, { bytes })

      expect(document).toMatchObject({ scan_status: 'pending', file_size: bytes.length })
      expect(await rowsOfPlatform(service, document.id)).toBe(0)
      for (const headers of [{}, { accept: 'application/json' }]) {
        const download = await callDocuments(service.url, firm, admin, `/${document.id}/download`, { headers })
        expect(download.status).toBe(409)
        expect(Number(download.headers.get('retry-after'))).toBeGreaterThan(0)
        expect(await problemOf(download)).toMatchObject({ code: 'scan_pending' })
      }
      const seen = await callDocuments(service.url, firm, admin, `/${document.id}`)
      expect(await seen.json()).toMatchObject({ scan_status: 'pending' })
    })

    it('a file stored before there was a scanner is pending as soon as there is one', async () => {
      const service = scene[where]
      const { firm, admin } = await firmWithAdmin(service)
      const unscanned = await startBeside(service, where === 'onS3' ? s3Settings(scene.bucket) : {})
      const document = await uploadDocument(unscanned.url, firm, admin)
      expect(document.scan_status).toBe('skipped')
      expect((await callDocuments(unscanned.url, firm, admin, `/${document.id}/download`)).status).toBeLessThan(400)
      await unscanned.stop()

      const download = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
      expect(download.status).toBe(409)
      const seen = await callDocuments(service.url, firm, admin, `/${document.id}`)
      expect(await seen.json()).toMatchObject({ scan_status: 'pending' })
      const list = await callDocuments(service.url, firm, admin)
      expect(await list.json()).toEqual([expect.objectContaining({ scan_status: 'pending' })])
    })
  })
})

/** The same installation without its scanner. */
async function startBeside({ app }: TestService, settings: Record<string, string>): Promise<TestService> {
  const { database, uploadsDir } = app.config
  if (database.kind !== 'external') throw new Error('This test needs a database that others can reach.')
  return startService({ ...settings, DATABASE_URL: database.url, UPLOADS_DIR: uploadsDir })
}

async function rowsOfPlatform(service: TestService, documentId: string): Promise<number> {
  const rows = await service.app.db
    .selectFrom('firm_documents')
    .select('id')
    .where('id', '=', documentId as never)
    .execute()
  return rows.length
}
