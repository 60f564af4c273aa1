import { afterEach, expect, it } from 'vitest'

import type { DocumentShape } from '../../../../src/contract/documents.ts'
import { startLocalDiskTasks } from '../../../../src/worker/local-disk-tasks.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { listBucket } from '../../../support/s3/list-everything.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { sha256Of } from '../../../support/files/sha256-of.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { serviceBehindProxies } from '../../../support/service/service-behind-proxies.ts'
import { startService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

const scene = serviceBehindProxies({ MAX_UPLOAD_BYTES: '60000000' })
afterEach(() => scene.toS3.setFault({ kind: 'none' }))

const midway = [
  ['a small file, sent in one piece', makePdf({ bytes: 900_000 }), 300_000],
  ['a large file, sent in parts', makePdf({ bytes: 24_000_000 }), 3_000_000],
] as const

describeCheck(35, () => {
  it.each(midway)('%s, and S3 is cut off during it', async (_what, bytes, afterBytes) => {
    const { service, toS3 } = scene
    const { firm, admin } = await firmWithAdmin(service)
    toS3.setFault({ kind: 'cut_up', afterBytes })
    await toS3.cutAll()

    const document = await uploadDocument(service.url, firm, admin, { bytes })
    // While S3 is down, the document is served: its upload was answered with 201.
    const meanwhile = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
    toS3.setFault({ kind: 'none' })
    await toS3.cutAll()

    expect(document).toMatchObject({ storage: 'local', sha256: sha256Of(bytes) })
    expect([meanwhile.status, sha256Of(Buffer.from(await meanwhile.arrayBuffer()))]).toEqual([200, sha256Of(bytes)])
    const drained = await drain(firm, admin, document)
    expect(drained.storage).toBe('s3')
    const link = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
    const fromS3 = await fetch(link.headers.get('location') ?? '')
    expect([link.status, sha256Of(Buffer.from(await fromS3.arrayBuffer()))]).toEqual([302, sha256Of(bytes)])
  })

  it.each(midway)(
    '%s, without fallback: the client gets an error, and nothing is stored',
    async (_what, bytes, afterBytes) => {
      const { bucket, toS3 } = scene
      const endpoint = `http://127.0.0.1:${toS3.port}`
      const service = await startService({
        ...s3Settings(bucket, endpoint),
        MAX_UPLOAD_BYTES: '60000000',
        S3_FALLBACK: 'off',
      })
      const { firm, admin } = await firmWithAdmin(service)
      toS3.setFault({ kind: 'cut_up', afterBytes })
      await toS3.cutAll()

      const refused = await uploadFile(service.url, firm, admin, { bytes })
      toS3.setFault({ kind: 'none' })

      expect([refused.status, (await problemOf(refused)).code]).toEqual([503, 'store_unavailable'])
      const list = await callDocuments(service.url, firm, admin)
      expect(await list.json()).toEqual([])
      const objects = (await listBucket(bucket.client, bucket.name)).filter(({ kind }) => kind === 'object')
      expect(objects.filter(({ key }) => key.includes(firm))).toEqual([])
      await service.stop()
    },
  )
})

/** The service must detect by itself that S3 is back. */
async function drain(firm: string, admin: Parameters<typeof callDocuments>[2], { id }: DocumentShape) {
  const tending = startLocalDiskTasks(scene.service.app, { drainEveryMs: 500, collectEveryMs: 3_600_000 })
  const look = async () =>
    (await (await callDocuments(scene.service.url, firm, admin, `/${id}`)).json()) as DocumentShape
  await expect.poll(async () => (await look()).storage, { timeout: 60_000 }).toBe('s3')
  await tending.close()
  return look()
}
