import { expect, test } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion, readVersion, restoreVersion } from '../support/documents/call-versions.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { failingS3, blobsLeftOf, versionsOf } from '../support/fallback/failing-s3.ts'

const s3 = failingS3()

const sizes = [
  ['a small', 300_000],
  ['a large', 20_000_000],
] as const

test.each(sizes)('%s version on S3 is restored as the newest, with its own bytes', async (_size, bytes) => {
  const { url } = s3.service
  const { firm, admin } = await firmWithAdmin(s3.service)
  const first = makePdf({ bytes, seed: 'first' })
  const { id } = await uploadDocument(url, firm, admin, { bytes: first })
  await addVersion(url, { firm, id }, admin)

  const restored = (await (await restoreVersion(url, { firm, id }, admin, 1)).json()) as DocumentShape

  expect(restored).toMatchObject({ version: 3, sha256: sha256Of(first), file_size: bytes, storage: 's3' })
  expect(sha256Of(await readVersion(url, { firm, id }, admin, 3))).toBe(sha256Of(first))
})

test('while S3 is down a version there is not restored, and the attempt leaves nothing', async () => {
  const { url } = s3.service
  const { firm, admin } = await firmWithAdmin(s3.service)
  const { id } = await uploadDocument(url, firm, admin)
  await s3.spoil({ kind: 'refuse' })

  const answer = await restoreVersion(url, { firm, id }, admin, 1)

  expect([answer.status, (await problemOf(answer)).code, answer.headers.has('retry-after')]).toEqual([
    503,
    'store_unavailable',
    true,
  ])
  expect(await versionsOf(s3.service, firm)).toHaveLength(1)
  expect(await blobsLeftOf(s3.service, firm)).toEqual([])
  const document = (await (await callDocuments(url, firm, admin, `/${id}`)).json()) as DocumentShape
  expect(document.version).toBe(1)
})

test.each(sizes)(
  'while S3 is down %s version on the local disk is restored there, as fallback',
  async (_size, bytes) => {
    const { url, folder } = s3.service
    const { firm, admin } = await firmWithAdmin(s3.service)
    await s3.spoil({ kind: 'refuse' })
    const { id } = await uploadDocument(url, firm, admin, { bytes: makePdf({ bytes }) })

    const answer = await restoreVersion(url, { firm, id }, admin, 1)

    expect(answer.status).toBe(201)
    expect(await versionsOf(s3.service, firm)).toEqual([
      expect.objectContaining({ store: 'local', is_fallback: true }),
      expect.objectContaining({ store: 'local', is_fallback: true }),
    ])
    const files = await listFolder(`${folder}/uploads/security_firms/${firm}`)
    expect(files.map(({ size }) => size)).toEqual([bytes, bytes])
  },
)

test('a large corrupt version is not restored, and is marked', async () => {
  const { url, app } = s3.service
  const { firm, admin } = await firmWithAdmin(s3.service)
  const { id } = await uploadDocument(url, firm, admin, { bytes: makePdf({ bytes: 20_000_000 }) })
  await app.db
    .updateTable('document_versions')
    .set({ sha256: sha256Of(Buffer.from('other bytes')) })
    .where('document_id', '=', id as DocumentId)
    .execute()

  const answer = await restoreVersion(url, { firm, id }, admin, 1)

  expect([answer.status, (await problemOf(answer)).code]).toEqual([410, 'gone'])
  expect(await versionsOf(s3.service, firm)).toEqual([expect.objectContaining({ bytes_state: 'wrong' })])
  expect((await listFolder(`${s3.service.folder}/data/spool`)).filter(({ kind }) => kind === 'file')).toEqual([])
})
