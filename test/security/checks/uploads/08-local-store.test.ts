import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { listFolder } from '../../../support/s3/list-everything.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import type { StorageKey } from '../../../../src/vocabulary/vocabulary.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'
import { linkedVersion } from '../../../storage/contract/incoming-files.ts'

let service: TestService
let uploads: string
beforeAll(async () => {
  service = await startService()
  uploads = `${service.folder}/uploads`
  await writeFile(`${service.folder}/secret.pdf`, makePdf({ seed: 'a secret of the machine' }))
})
afterAll(async () => service.stop())

const climbingKeys = [
  '../secret.pdf',
  '..',
  '.',
  '',
  '/etc/passwd',
  'security_firms/../../secret.pdf',
  'security_firms/..%2f..%2fsecret.pdf',
  'security_firms/x/../../../secret.pdf',
  './.store-id',
  '.store-id',
  'security_firms/11111111-1111-4111-8111-111111111111/a_11111111-1111-4111-8111-111111111111.pdf\0.png',
  'security_firms/11111111-1111-4111-8111-111111111111/../a_11111111-1111-4111-8111-111111111111.pdf',
  'security_firms\\11111111-1111-4111-8111-111111111111\\a_11111111-1111-4111-8111-111111111111.pdf',
]

describeCheck(8, () => {
  describe('a key that would leave the uploads folder', () => {
    it.each(climbingKeys)('is rejected by every operation of the store: %j', async (text) => {
      const key = text as StorageKey // a value that no code of ours would create
      const { local } = service.app.stores
      const before = await listFolder(service.folder)
      const labels = { originalFileName: 'a', documentType: 'a', firmId: 'a', documentId: 'a' } as never
      const link = { fileName: 'a', contentType: 'a', seconds: 60, ...linkedVersion }
      const content = { kind: 'memory', bytes: Buffer.from('x'), sha256: 'x' } as never

      const verbs = [
        local.read(key),
        local.stat(key),
        local.remove(key),
        local.write(key, { contentType: 'application/pdf', labels, content }),
        local.signDownload(key, { ...link, disposition: 'attachment' }),
      ]

      const outcomes = await Promise.allSettled(verbs)
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'invalid_key' } })
      expect(await listFolder(service.folder)).toEqual(before)
    })

    it('reveals nothing when a row contains it', async () => {
      const { firm, admin } = await firmWithAdmin(service)
      const document = await uploadDocument(service.url, firm, admin)
      for (const key of ['../secret.pdf', `${service.folder}/secret.pdf`, '../../../../../../etc/passwd']) {
        await service.app.db
          .updateTable('document_versions')
          .set({ storage_key: key as StorageKey }) // as a person with the database's password might write it
          .where('document_id', '=', document.id as never)
          .execute()

        const answer = await callDocuments(service.url, firm, admin, `/${document.id}/download`)

        const text = await answer.text()
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(text).not.toContain('secret')
        expect(text).not.toContain('root:')
      }
    })
  })

  describe('a symbolic link in the uploads folder', () => {
    it('in place of a file is not followed', async () => {
      const { firm, admin } = await firmWithAdmin(service)
      const document = await uploadDocument(service.url, firm, admin)
      const path = await pathOf(firm)
      await rm(path)
      await symlink(`${service.folder}/secret.pdf`, path)

      const answer = await callDocuments(service.url, firm, admin, `/${document.id}/download`)

      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(Buffer.from(await answer.arrayBuffer()).includes(makePdf({ seed: 'a secret of the machine' }))).toBe(false)
      expect(await readFile(`${service.folder}/secret.pdf`)).toEqual(makePdf({ seed: 'a secret of the machine' }))
    })

    it('in place of a firm’s folder is not followed, neither for reads nor for writes', async () => {
      const { firm, admin } = await firmWithAdmin(service)
      const document = await uploadDocument(service.url, firm, admin)
      const elsewhere = `${service.folder}/elsewhere-${firm}`
      await rename(`${uploads}/security_firms/${firm}`, elsewhere)
      await symlink(elsewhere, `${uploads}/security_firms/${firm}`)
      const before = await listFolder(service.folder)

      const read = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
      const write = await uploadFile(service.url, firm, admin)
      await Promise.all([read.text(), write.text()])

      expect(read.status).toBeGreaterThanOrEqual(400)
      expect(write.status).toBeGreaterThanOrEqual(400)
      expect(await listFolder(service.folder)).toEqual(before)
    })

    it('at the path of a future firm’s folder is not followed', async () => {
      const { firm, admin } = await firmWithAdmin(service)
      const elsewhere = `${service.folder}/elsewhere-${firm}`
      await mkdir(elsewhere)
      await mkdir(`${uploads}/security_firms`, { recursive: true })
      await symlink(elsewhere, `${uploads}/security_firms/${firm}`)

      const write = await uploadFile(service.url, firm, admin)

      expect(write.status).toBeGreaterThanOrEqual(400)
      await write.text()
      expect(await listFolder(elsewhere)).toEqual([])
    })
  })

  it('only the service can read a file (0600) and enter the folders above it (0700)', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    await uploadDocument(service.url, firm, admin)

    const entries = (await listFolder(service.folder)).filter(({ path }) => path.startsWith('uploads'))

    const of = (kind: string) => new Set(entries.filter((entry) => entry.kind === kind).map(({ mode }) => mode))
    expect([...of('file')]).toEqual([0o600])
    expect([...of('folder')]).toEqual([0o700])
  })

  it('no address of the service serves the folder', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    await uploadDocument(service.url, firm, admin)
    const path = (await pathOf(firm)).slice(uploads.length)

    const addresses = [
      `/uploads${path}`,
      path,
      `/api/v1/uploads${path}`,
      `/api/v1/files${path}`,
      `/api/v1/files/${encodeURIComponent(path.slice(1))}`,
      `/static${path}`,
      `/docs/../uploads${path}`,
      `/docs/%2e%2e/uploads${path}`,
      `/docs/static/..%2f..%2f..%2fpackage.json`,
      '/.env',
    ]

    for (const address of addresses) {
      const answer = await fetch(`${service.url}${address}`, { headers: admin.headers, redirect: 'manual' })
      const body = Buffer.from(await answer.arrayBuffer())
      expect([address, answer.status >= 400, body.includes('%PDF')]).toEqual([address, true, false])
    }
  })
})

async function pathOf(firm: string): Promise<string> {
  const folder = `${uploads}/security_firms/${firm}`
  const file = (await listFolder(folder)).find(({ kind }) => kind === 'file')
  if (file === undefined) throw new Error('nothing was kept')
  return `${folder}/${file.path}`
}
