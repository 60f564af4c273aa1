import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import {
  deleteDocumentRow,
  insertPlatformDocument,
  type PlatformDocument,
  type PlatformFiles,
  platformKey,
} from '../support/platform/platform-documents.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { type Beside, openBeside } from './open-instances.ts'
import { type Member, writeMember } from './write-member.ts'

let beside: Beside
let files: PlatformFiles
let member: Member
beforeAll(async () => {
  beside = await openBeside({
    addresses: testServices(),
    sharesDisk: true,
    async prepare(platform, itsFiles) {
      files = itsFiles
      for (const firm of [1, 2, 3]) await insertForNewFirm(platform, firm)
    },
  })
  member = await writeMember(beside)
})
afterAll(() => beside.close())

const before: PlatformDocument[] = []

/** Documents from before the service, of firms with known ids. */
async function insertForNewFirm(platform: Beside['platform'], firm: number): Promise<void> {
  const { firmId } = await writeMember({ platform, secret: 'no token of theirs is used' })
  before.push(await insertPlatformDocument(platform, files, firmId, { row: { file_name: `${firm}.pdf` } }))
}

async function hasBytesAt(url: string, id: string, bytes: Buffer): Promise<boolean> {
  const answer = await callDocuments(url, member.firmId, member, `/${id}/download`)
  const location = answer.headers.get('location')
  const file = location === null ? answer : await fetch(location)
  return file.status === 200 && Buffer.from(await file.arrayBuffer()).equals(bytes)
}

async function idsAt(url: string): Promise<string[]> {
  const answer = await callDocuments(url, member.firmId, member)
  return ((await answer.json()) as DocumentShape[]).map(({ id }) => id)
}

it('a row of the platform from before is one document, although two instances started at once', async () => {
  const { rows } = await beside.platform.query(
    'select document_id as id, count(*)::int as versions from document_versions where document_id = any($1) group by 1',
    [before.map(({ id }) => id)],
  )
  const byId = new Map((rows as { id: string; versions: number }[]).map(({ id, versions }) => [id, versions]))
  expect(before.map(({ id }) => byId.get(id))).toEqual([1, 1, 1])
})

it('a row that the platform writes is listed and downloaded at either instance, from S3 and from its folder', async () => {
  const onS3 = await insertPlatformDocument(beside.platform, files, member.firmId)
  const filePath = `uploads/${platformKey(member.firmId)}`
  const onDisk = await insertPlatformDocument(beside.platform, files, member.firmId, { filePath })

  for (const instance of beside.instances) {
    const url = instance.url() ?? ''
    expect((await idsAt(url)).toSorted()).toEqual([onS3.id, onDisk.id].toSorted())
    expect([await hasBytesAt(url, onS3.id, onS3.bytes), await hasBytesAt(url, onDisk.id, onDisk.bytes)]).toEqual([
      true,
      true,
    ])
  }

  await deleteDocumentRow(beside.platform, onS3)
  for (const instance of beside.instances) expect(await idsAt(instance.url() ?? '')).toEqual([onDisk.id])
})
