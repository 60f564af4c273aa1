import { sql } from 'kysely'
import { beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument, restoreDocument } from '../support/documents/call-trash.ts'
import { addVersion, restoreVersion } from '../support/documents/call-versions.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeMember, makePerson, type Person } from '../support/people/people.ts'
import { compareWithPlatform } from '../support/platform/compare-with-platform.ts'
import { isThere, purgeAll } from '../support/purge/purge-scene.ts'
import { findOnDisk } from '../support/scanning/finding-scanner.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service }
})
let administrator: Person
beforeAll(async () => {
  administrator = await makePerson(scene.service.app, { role: 'admin' })
})

type Of = { firm: FirmId; id: string; admin: Person; guard: Person }

/** A document that a guard uploaded and an administrator verified. */
async function verified(): Promise<Of> {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const guard = await makeMember(scene.service.app, firm, 'field_staff')
  const bytes = makePdf({ seed: crypto.randomUUID() })
  const { id } = await uploadDocument(scene.service.url, firm, guard, { type: 'registration_certificate', bytes })
  const of = { firm, id, admin, guard }
  await decide(of, 'verify')
  return of
}

async function decide(of: Of, decision: 'verify' | 'reject'): Promise<DocumentShape> {
  const answer = await reviewDocument(scene.service.url, of, administrator, {
    decision,
    comment: 'Seen.',
    ...(decision === 'reject' ? { reason_code: 'unreadable' } : {}),
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as DocumentShape
}

async function renew(of: Of, by = of.guard): Promise<DocumentShape> {
  const bytes = makePdf({ seed: crypto.randomUUID() })
  const answer = await addVersion(scene.service.url, of, by, { bytes, fileName: 'renewed.pdf' })
  expect(answer.status).toBe(201)
  return (await answer.json()) as DocumentShape
}

const read = async ({ firm, id, admin }: Of) =>
  (await (await callDocuments(scene.service.url, firm, admin, `/${id}`)).json()) as DocumentShape

/** The version that the platform's row shows, and whether it is verified there. */
async function shown({ id }: Of) {
  const { rows } = await sql<{ version: number; is_verified: boolean }>`
    select v.version, f.is_verified from firm_documents f join document_versions v on v.document_id = f.id
      and f.file_path = 'uploads/' || v.storage_key
    where f.id = ${id}::uuid`.execute(scene.service.app.db)
  expect(await compareWithPlatform(scene.service.app, id)).toEqual([])
  return rows[0]
}

it('a new version of a verified document leaves the verified one in force until the new one is verified', async () => {
  const of = await verified()

  const newer = await renew(of)
  expect(newer).toMatchObject({ version: 2, is_verified: false, review_status: 'pending', verified_version: 1 })
  expect(await read(of)).toEqual(newer)
  expect(await shown(of)).toEqual({ version: 1, is_verified: true })

  expect(await decide(of, 'reject')).toMatchObject({ version: 2, review_status: 'rejected', verified_version: 1 })
  expect(await shown(of)).toEqual({ version: 1, is_verified: true })

  expect(await decide(of, 'verify')).toMatchObject({ version: 2, is_verified: true, verified_version: 2 })
  expect(await shown(of)).toEqual({ version: 2, is_verified: true })
})

it('a restored version leaves the verified one in force, too', async () => {
  const of = await verified()
  const answer = await restoreVersion(scene.service.url, of, of.guard, 1)
  expect(await answer.json()).toMatchObject({ version: 2, is_verified: false, verified_version: 1 })
  expect(await shown(of)).toEqual({ version: 1, is_verified: true })
})

it('a verification that is changed to a rejection leaves the version in force that was verified before', async () => {
  const of = await verified()
  await renew(of)
  await decide(of, 'verify')
  expect(await decide(of, 'reject')).toMatchObject({ version: 2, verified_version: 1 })
  expect(await shown(of)).toEqual({ version: 1, is_verified: true })
})

it('a document without a verified version shows its newest version, and has no verified_version', async () => {
  const of = await verified()
  expect(await decide(of, 'reject')).toMatchObject({ verified_version: null })
  expect(await renew(of)).toMatchObject({ version: 2, verified_version: null })
  expect(await shown(of)).toEqual({ version: 2, is_verified: false })
})

it('while a version is in force, its uploader cannot delete the document, and its firm’s administrator can', async () => {
  const of = await verified()
  await renew(of)
  expect((await deleteDocument(scene.service.url, of, of.guard)).status).toBe(403)

  expect((await deleteDocument(scene.service.url, of, of.admin)).status).toBe(204)
  expect(await shown(of)).toBeUndefined()
  const restored = await restoreDocument(scene.service.url, of, of.admin)
  expect(await restored.json()).toMatchObject({ version: 2, verified_version: 1 })
  expect(await shown(of)).toEqual({ version: 1, is_verified: true })
})

it('a purge leaves the last document of a required type with a version in force', async () => {
  const of = await verified()
  await renew(of)
  await deleteDocument(scene.service.url, of, of.admin)
  expect(await purgeAll(scene.service, { inDays: 40 })).toMatchObject({ needs_approval: 1 })
  expect(await isThere(scene.service, of.id)).toBe(true)
})

it('a virus that is found in a waiting version leaves the verified one in force', async () => {
  const of = await verified()
  await renew(of)
  await sql`update document_versions set scan_due_at = 'infinity'
    where document_id <> ${of.id}::uuid or version = 1`.execute(scene.service.app.db)

  expect(await findOnDisk(scene.service)).toMatchObject({ infected: 1 })

  expect(await read(of)).toMatchObject({ version: 2, scan_status: 'infected', verified_version: 1 })
  expect(await shown(of)).toEqual({ version: 1, is_verified: true })
})
