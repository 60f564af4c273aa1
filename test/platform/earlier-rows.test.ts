import { insertFirmWithAdmin, signer } from '../support/platform/insert-firm-with-admin.ts'
import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import type { Person } from '../support/people/people.ts'
import {
  insertDocumentRow,
  insertPlatformDocument,
  type PlatformDocument,
  platformKey,
  putPlatformFile,
} from '../support/platform/platform-documents.ts'
import { insertFirm, insertFirmUser, insertRegisteredUser } from '../support/platform/platform-people.ts'
import { type Beside, download, listedBy, openGround, rowsOf, startBeside } from '../support/platform/platform-scene.ts'

// test/platform-people tests the rights of the platform's people in each of their states.

const firmStates = ['draft', 'submitted', 'approved', 'rejected'] as const
const memberStates = ['pending', 'active', 'suspended'] as const

let beside: Beside
let firm: FirmId
let admin: Person
const before: Record<string, PlatformDocument> = {}
const firmsIn: Record<string, { firm: FirmId; document: string; members: Record<string, Person> }> = {}

/** Keys that the platform creates from a user's file name, and how its migration of files wrote them to disk. */
const keys: [name: string, path: () => string][] = [
  ['on S3', () => platformKey(firm)],
  ['on S3, with an extension in capitals', () => platformKey(firm, { extension: 'PDF' })],
  ['on S3, with what stood behind the last dot of a file name', () => platformKey(firm, { extension: 'van März (2)' })],
  ['on S3, of a file name without a dot', () => platformKey(firm, { extension: 'bin' })],
  ['on S3, of a type with a dot', () => platformKey(firm, { type: 'tax.clearance' })],
  ['on disk', () => `uploads/${platformKey(firm)}`],
  ['on disk, under no folder of the firm', () => `uploads/security_firms/${firm}_${randomUUID()}.pdf`],
]

beforeAll(async () => {
  const ground = await openGround()
  const { platform } = ground
  ;({ firm, admin } = await insertFirmWithAdmin(ground))
  const files = { bucket: ground.bucket, uploadsDir: '/nowhere' }
  for (const [name, path] of keys) {
    const filePath = path()
    const bytes = Buffer.from(`%PDF-1.4\n${name}\n%%EOF\n`)
    const isOnDisk = filePath.startsWith('uploads/')
    if (!isOnDisk) await putPlatformFile(files, filePath, bytes)
    const id = await insertDocumentRow(platform, firm, { file_path: filePath, file_size: bytes.length })
    before[name] = { id, firmId: firm, filePath, bytes }
  }
  for (const state of firmStates) {
    const stateFirm = await insertFirm(platform, { verification_status: state })
    const members: Record<string, Person> = {}
    for (const status of memberStates) {
      const member = await insertRegisteredUser(platform, signer)
      await insertFirmUser(platform, stateFirm, member, { status })
      members[status] = member
    }
    firmsIn[state] = { firm: stateFirm, document: await insertDocumentRow(platform, stateFirm, {}), members }
  }
  beside = await startBeside(ground)
  for (const { filePath, bytes } of Object.values(before))
    if (filePath.startsWith('uploads/')) await putPlatformFile(beside.files, filePath, bytes)
})

afterAll(async () => {
  await beside.service.stop()
  await beside.remove()
})

describe('documents from before the installation', () => {
  it('are all listed at the first request, as version 1, with the platform’s facts', async () => {
    const listed = await listedBy(beside.service, firm, admin)

    expect(listed.map(({ id }) => id).toSorted()).toEqual(
      Object.values(before)
        .map(({ id }) => id)
        .toSorted(),
    )
    for (const document of listed)
      expect(document).toMatchObject({
        version: 1,
        document_type: 'tax_clearance',
        file_name: 'clearance.pdf',
        mime_type: 'application/pdf',
        sha256: null,
        scan_status: 'skipped',
        review_status: 'pending',
        is_verified: false,
      })
  })

  it.each(keys.map(([name]) => name))('are downloaded byte for byte: %s', async (name) => {
    const document = before[name]
    const { status, fileStatus, bytes } = await download(beside.service, firm, admin, document?.id ?? '')

    expect([status, fileStatus]).toEqual([name.startsWith('on S3') ? 302 : 200, 200])
    expect(bytes.equals(document?.bytes ?? Buffer.alloc(0))).toBe(true)
  })

  it.each(firmStates)(
    'of a firm that is %s are visible to its active members only, and accept changes from them only',
    async (state) => {
      const { firm: stateFirm, document, members } = firmsIn[state] ?? { firm, document: '', members: {} }
      const heard = await Promise.all(
        memberStates.map(
          async (status) => (await callDocuments(beside.service.url, stateFirm, members[status])).status,
        ),
      )

      expect(heard).toEqual([403, 200, 403])
      const active = members['active'] ?? admin
      expect((await listedBy(beside.service, stateFirm, active)).map(({ id }) => id)).toEqual([document])
      await expect(uploadDocument(beside.service.url, stateFirm, active)).resolves.toMatchObject({ version: 1 })
    },
  )
})

describe('rows with unexpected values', () => {
  it('are documents: an unknown type, an unknown person, a format that is never shown inline', async () => {
    const row = {
      document_type: 'no_such_type',
      uploaded_by: randomUUID(),
      mime_type: 'text/html',
      file_name: 'ä "b".html',
    }
    const { id, bytes } = await insertPlatformDocument(beside.platform, beside.files, firm, { row })
    const answer = await callDocuments(beside.service.url, firm, admin, `/${id}`)
    const file = await download(beside.service, firm, admin, id)

    expect(await answer.json()).toMatchObject({ id, ...row })
    expect([file.status, file.fileStatus, file.bytes.equals(bytes)]).toEqual([302, 200, true])
  })

  it.each([
    '/etc/passwd',
    'uploads/../../../etc/passwd',
    'uploads/security_firms/../../x.pdf',
    'paniq-documents.json',
    'quarantine/security_firms/x/y.pdf',
    'security_firms/x/.store-id',
    'uploads/',
    '',
  ])('with a path that cannot be theirs: %j is listed, and its bytes are missing', async (filePath) => {
    const id = await insertDocumentRow(beside.platform, firm, { file_path: filePath })
    const answer = await callDocuments(beside.service.url, firm, admin, `/${id}/download`)

    expect([answer.status, (await problemOf(answer)).code]).toEqual([410, 'gone'])
    expect((await rowsOf(beside.service, id)).versions).toMatchObject([{ version: 1, bytes_state: 'missing' }])
  })
})
