import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { usualClamdLimits } from '../../../src/scanner/clamd.ts'
import { callDocuments, problemOf, uploadDocument } from '../../support/call-documents.ts'
import { type ClamdInHand, clamdInHand } from '../../support/clamd-in-hand.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { eicarFile, nestEicar, zipOf } from '../../support/infected-files.ts'
import { makePdf } from '../../support/make-files.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { describeCheck } from '../describe-check.ts'

let clamd: ClamdInHand
let proxy: FaultProxy
let service: TestService
beforeAll(async () => {
  clamd = await clamdInHand({ StreamMaxLength: '30M', AlertEncrypted: 'yes' })
  proxy = await startFaultProxy({ port: clamd.port })
  const settings = { CLAMD_URL: `tcp://127.0.0.1:${proxy.port}`, MAX_UPLOAD_BYTES: '60000000' }
  service = await startService(settings, {
    clamd: { ...usualClamdLimits, stallMs: 2000, verdictMs: 2000, restMs: 0 },
  })
})
afterAll(async () => {
  await service?.stop()
  await proxy?.close()
  await clamd?.remove()
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
  describe('A file that nobody could scan is held, never taken for clean', () => {
    it.each(cases)('$what', async ({ fault, bytes }) => {
      const { firm, admin } = await firmWithAdmin(service)
      proxy.setFault(fault)

      const document = await uploadDocument(service.url, firm, admin, { bytes })

      expect(document).toMatchObject({ scan_status: 'pending', file_size: bytes.length })
      expect(await rowsOfPlatform(document.id)).toBe(0)
      for (const headers of [{}, { accept: 'application/json' }]) {
        const download = await callDocuments(service.url, firm, admin, `/${document.id}/download`, { headers })
        expect(download.status).toBe(409)
        expect(Number(download.headers.get('retry-after'))).toBeGreaterThan(0)
        expect(await problemOf(download)).toMatchObject({ code: 'scan_pending' })
      }
      const seen = await callDocuments(service.url, firm, admin, `/${document.id}`)
      expect(await seen.json()).toMatchObject({ scan_status: 'pending' })
    })

    it('one that was kept before there was a scanner is held too, as soon as there is one', async () => {
      const { firm, admin } = await firmWithAdmin(service)
      const unscanned = await startBeside(service)
      const document = await uploadDocument(unscanned.url, firm, admin)
      expect(document.scan_status).toBe('skipped')
      expect((await callDocuments(unscanned.url, firm, admin, `/${document.id}/download`)).status).toBe(200)
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

/** The same installation, as it is without its scanner. */
async function startBeside({ app }: TestService): Promise<TestService> {
  const { database, uploadsDir } = app.config
  if (database.kind !== 'external') throw new Error('This test needs a database that others can reach.')
  return startService({ DATABASE_URL: database.url, UPLOADS_DIR: uploadsDir })
}

async function rowsOfPlatform(documentId: string): Promise<number> {
  const rows = await service.app.db
    .selectFrom('firm_documents')
    .select('id')
    .where('id', '=', documentId as never)
    .execute()
  return rows.length
}
