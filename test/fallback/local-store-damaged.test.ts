import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service }
})

type Spoil = (path: string, elsewhere: string) => Promise<unknown>

const replacedBy =
  (replace: Spoil): Spoil =>
  async (path, elsewhere) => {
    await rename(path, elsewhere)
    await replace(path, elsewhere)
  }
const byFile = replacedBy((path) => writeFile(path, ''))
const byLink = replacedBy((path, elsewhere) => symlink(elsewhere, path))
const byCircle = replacedBy((path) => symlink(path, path))
const byFolder = replacedBy((path) => mkdir(path))

test.each<[what: string, spoil: Spoil]>([
  ['a file', byFile],
  ['a link to the folder', byLink],
  ['a link to itself', byCircle],
])('if a firm’s folder is %s, uploads and downloads get 503 until it is repaired', async (_what, spoil) => {
  const { service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  const folder = join(service.folder, 'uploads', 'security_firms', firm)
  const elsewhere = join(service.folder, `elsewhere-${firm}`)
  await spoil(folder, elsewhere)

  for (const answer of [
    await uploadFile(service.url, firm, admin),
    await callDocuments(service.url, firm, admin, `/${id}/download`),
  ]) {
    expect(answer.status).toBe(503)
    expect(await problemOf(answer)).toMatchObject({ code: 'store_unavailable' })
  }

  await rm(folder)
  await rename(elsewhere, folder)
  expect((await callDocuments(service.url, firm, admin, `/${id}/download`)).status).toBe(200)
  expect((await uploadFile(service.url, firm, admin)).status).toBe(201)
})

test.each<[what: string, spoil: Spoil]>([
  ['a folder', byFolder],
  ['a link to it', byLink],
])('if a stored file is %s, its download gets 503', async (_what, spoil) => {
  const { service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  const folder = join(service.folder, 'uploads', 'security_firms', firm)
  const [file] = await listFolder(folder)
  await spoil(join(folder, file?.path ?? ''), join(service.folder, `elsewhere-${firm}`))

  const answer = await callDocuments(service.url, firm, admin, `/${id}/download`)
  expect(answer.status).toBe(503)
  expect(await problemOf(answer)).toMatchObject({ code: 'store_unavailable' })
})

test('if the id of the disk is damaged, uploads get 503', async () => {
  const { service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const path = join(service.folder, 'uploads', '.store-id')
  const elsewhere = join(service.folder, 'its-id')
  await byFile(path, elsewhere)

  const answer = await uploadFile(service.url, firm, admin)
  await rename(elsewhere, path)

  expect(answer.status).toBe(503)
  expect(await problemOf(answer)).toMatchObject({ code: 'store_unavailable' })
})
