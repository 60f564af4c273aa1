import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import type { IncomingFile } from '../../src/storage/file-store.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { serveAfterWrite } from '../support/service/serve-after-write.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ MAX_UPLOAD_BYTES: '60000000' })
  closing.defer(() => service.stop())
  return { service, ...(await firmWithAdmin(service)) }
})

test('an upload that was abandoned before its commit gets 503, leaves nothing, and succeeds when it is repeated', async () => {
  const { service, firm, admin } = scene
  const never = new AbortController().signal
  const inTwoDays = { ...service.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
  const url = await serveAfterWrite(service, () => collectBlobs(inTwoDays, never))

  const answer = await uploadFile(url, firm, admin)

  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  const files = await listFolder(join(service.folder, 'uploads', 'security_firms', firm))
  expect(files).toEqual([])
  await expect(uploadDocument(service.url, firm, admin)).resolves.toMatchObject({ version: 1 })
})

test('a committed upload gets 201 although its spool file cannot be removed', async () => {
  const { service, firm, admin } = scene
  const bytes = makePdf({ bytes: 20_000_000 })
  const spooled: string[] = []
  const url = await serveAfterWrite(service, async ({ content }: IncomingFile) => {
    if (content.kind !== 'spool') return
    spooled.push(content.path)
    // Not even root can remove a folder as a file.
    await rm(content.path)
    await mkdir(content.path)
  })

  const { id } = await uploadDocument(url, firm, admin, { bytes })

  expect(spooled).toHaveLength(1)
  expect(service.app.spool.bytes()).toBe(0)
  const downloaded = await callDocuments(service.url, firm, admin, `/${id}/download`)
  expect(Buffer.from(await downloaded.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true)
})
