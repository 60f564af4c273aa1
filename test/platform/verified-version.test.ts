import { expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { addVersion as addNewVersion } from '../support/documents/call-versions.ts'
import {
  deleteDocumentRow,
  insertDocumentRow,
  insertPlatformDocument,
  platformKey,
  updateDocumentRow,
} from '../support/platform/platform-documents.ts'
import { compareAllRows, rowsOf } from '../support/platform/platform-scene.ts'
import { serviceBeside } from './service-on-platform.ts'

// A verified version, with a newer one that waits for its review.

const beside = serviceBeside()

const rows = (id: string) => rowsOf(beside.service, id)
const isTrashed = async (id: string) => (await rows(id)).documents[0]?.['deleted_at'] !== null
const compareAll = () => compareAllRows(beside.service)
const waiting = async () => {
  const { id } = await insertPlatformDocument(beside.platform, beside.files, beside.firm)
  await updateDocumentRow(beside.platform, { id }, { is_verified: true })
  const added = await addNewVersion(beside.service.url, { firm: beside.firm, id }, beside.admin)
  expect(await added.json()).toMatchObject({ version: 2, verified_version: 1 })
  return id
}
const seen = async (id: string) =>
  (await (await callDocuments(beside.service.url, beside.firm, beside.admin, `/${id}`)).json()) as DocumentShape
const versionsAfterComparing = async (id: string) => {
  await compareAll()
  return (await rows(id)).versions.map(({ version, review_status: status }) => [version, status])
}

it('a verified version is not in force any more once the platform says so, and no version is made of its row', async () => {
  const id = await waiting()
  await updateDocumentRow(beside.platform, { id }, { is_verified: false })

  expect(await seen(id)).toMatchObject({ version: 2, verified_version: null })
  const expected = [
    [1, 'pending'],
    [2, 'pending'],
  ]
  expect(await versionsAfterComparing(id)).toEqual(expected)
  await updateDocumentRow(beside.platform, { id }, { is_verified: true })
  expect(await seen(id)).toMatchObject({ version: 2, verified_version: 1 })
})

it('a verified version gives way to unverified content that the platform puts into its row', async () => {
  const id = await waiting()
  const file_path = platformKey(beside.firm)
  await updateDocumentRow(beside.platform, { id }, { file_path, file_size: 9, is_verified: false })

  expect(await seen(id)).toMatchObject({ version: 3, verified_version: null })
  expect(await versionsAfterComparing(id)).toEqual([
    [1, 'verified'],
    [2, 'pending'],
    [3, 'pending'],
  ])
  const { rows: shown } = await beside.platform.query('select file_path from firm_documents where id = $1', [id])
  expect(shown).toEqual([{ file_path }])
})

it('a verified version is deleted with its row, and comes back with it', async () => {
  const id = await waiting()
  const { rows: before } = await beside.platform.query('select * from firm_documents where id = $1', [id])
  await deleteDocumentRow(beside.platform, { id })
  expect(await isTrashed(id)).toBe(true)
  const { created_at: _created, updated_at: _updated, ...row } = before[0]
  await insertDocumentRow(beside.platform, beside.firm, row)
  expect(await seen(id)).toMatchObject({ version: 2, verified_version: 1, deleted_at: null })
  expect(await versionsAfterComparing(id)).toEqual([
    [1, 'verified'],
    [2, 'pending'],
  ])
})
