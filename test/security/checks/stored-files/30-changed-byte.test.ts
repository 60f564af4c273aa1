import { expect, it, onTestFinished } from 'vitest'

import { openStoreInBetween } from '../../../support/cli/s3-proxy.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { listBucket } from '../../../support/s3/list-everything.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { runVerify } from '../../../support/verifying/run-verify.ts'
import { bucketInHand, diskInHand, type StoreInHand } from '../../../support/verifying/test-store.ts'
import { describeCheck } from '../../describe-check.ts'

const stores = serviceOnBothStores()

const places: [string, () => { service: TestService; hand: StoreInHand }][] = [
  ['S3', () => ({ service: stores.onS3, hand: bucketInHand(stores.bucket) })],
  ['the local disk', () => ({ service: stores.onDisk, hand: diskInHand(stores.onDisk) })],
]

describeCheck(30, () => {
  it.each(places)(
    'one changed byte on %s is detected, the document is not served, and the operator is alerted',
    async (_where, open) => {
      const { service, hand } = open()
      const { firm, admin } = await firmWithAdmin(service)
      const bytes = Buffer.from(makePdf({ bytes: 40_000 }))
      const { id } = await uploadDocument(service.url, firm, admin, { bytes })
      const { storage_key: key } = await service.app.db
        .selectFrom('document_versions')
        .select('storage_key')
        .where('firm_id', '=', firm)
        .executeTakeFirstOrThrow()
      await hand.put(key, committed(bytes, 20_000))

      const found = await runVerify(service.app)

      expect(found.keysOf('wrong')).toEqual([key])
      for (const headers of [{}, { accept: 'application/json' }]) {
        const refused = await callDocuments(service.url, firm, admin, `/${id}/download`, { headers })
        expect([refused.status, (await problemOf(refused)).code]).toEqual([410, 'gone'])
      }
      expect(
        service.logLines.filter((line) => line.includes('"event":"bytes_wrong"') && line.includes(id)),
      ).toHaveLength(1)
      const trail = await callDocuments(service.url, firm, admin, `/${id}/events`)
      expect(((await trail.json()) as { action: string }[]).map(({ action }) => action)).toContain(
        'document.bytes_wrong',
      )
    },
  )

  it('an older link to the local disk does not serve the changed byte after the detection', async () => {
    const { firm, admin } = await firmWithAdmin(stores.onDisk)
    const bytes = Buffer.from(makePdf({ bytes: 40_000 }))
    const { id } = await uploadDocument(stores.onDisk.url, firm, admin, { bytes })
    const asked = { headers: { accept: 'application/json' } }
    const answer = await callDocuments(stores.onDisk.url, firm, admin, `/${id}/download`, asked)
    const { url } = (await answer.json()) as { url: string }
    const { storage_key: key } = await stores.onDisk.app.db
      .selectFrom('document_versions')
      .select('storage_key')
      .where('firm_id', '=', firm)
      .executeTakeFirstOrThrow()
    await diskInHand(stores.onDisk).put(key, committed(bytes, 20_000))

    expect((await runVerify(stores.onDisk.app)).keysOf('wrong')).toContain(key)

    for (const headers of [{}, { range: 'bytes=20000-20000' }]) {
      const refused = await fetch(`${stores.onDisk.url}${url}`, { headers })
      expect([refused.status, (await problemOf(refused)).code]).toEqual([410, 'gone'])
    }
    const forHeaders = await fetch(`${stores.onDisk.url}${url}`, { method: 'HEAD' })
    expect(forHeaders.status).toBe(410)
  })

  it.each(places)('a file without the expected hash is rejected, for %s', async (_where, open) => {
    const { service } = open()
    const { firm, admin } = await firmWithAdmin(service)

    const refused = await uploadFile(service.url, firm, admin, { query: { sha256: 'a'.repeat(64) } })

    expect([refused.status, (await problemOf(refused)).code]).toEqual([422, 'validation_failed'])
  })

  it.each([
    ['a small file, sent in one piece', 900_000],
    ['a large file, sent in parts', 20_000_000],
  ])(
    '%s, in which a byte changes on its way to S3, is refused by S3 and kept on the disk as it was',
    async (_what, size) => {
      const { bucket } = stores
      const endpoint = await openStoreInBetween({
        behind: bucket.s3.endpoint,
        spoil: (_call, body) => (body.length > 100_000 ? committed(body, 50_000) : body),
      })
      const service = await startService({ ...s3Settings(bucket, endpoint), MAX_UPLOAD_BYTES: '60000000' })
      onTestFinished(() => service.stop())
      const { firm, admin } = await firmWithAdmin(service)
      const bytes = makePdf({ bytes: size })

      const document = await uploadDocument(service.url, firm, admin, { bytes })

      expect(document.storage).toBe('local')
      const file = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
      expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
      const objects = (await listBucket(bucket.client, bucket.name)).filter(({ kind }) => kind === 'object')
      expect(objects.filter(({ key }) => key.includes(firm))).toEqual([])
      const logged = service.logLines.filter((line) => line.includes('"event":"s3_upload_failed"'))
      expect(logged.join()).toContain('XAmzContentSHA256Mismatch')
    },
  )
})

function committed(bytes: Buffer, at: number): Buffer {
  const spoiled = Buffer.from(bytes)
  spoiled.writeUInt8(spoiled.readUInt8(at) ^ 1, at)
  return spoiled
}
