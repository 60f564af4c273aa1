import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { type ClaimedMove, claimMove } from '../../src/database/blobs/move-blob.ts'
import { listVersionsIn, type StoredVersion } from '../../src/database/documents/versions-in-store.ts'
import type { CollectNeeds } from '../../src/documents/stores/collect-blobs.ts'
import type { MoveNeeds } from '../../src/documents/moving/move-version.ts'
import { createCopyLimits } from '../../src/documents/stores/walk-versions.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { FirmId, ProcessId, StorageKey } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

export let bucket: FreshBucket
/** New files stay on its disk, but it can reach the bucket. */
export let service: TestService
export let firmId: FirmId
export let member: Person

/** A service with documents on its disk and a bucket to move them to, for the tests of a file. */
export function openMovingScene(): void {
  beforeAll(async () => {
    bucket = await freshBucket()
    service = await startService({ ...s3Settings(bucket), USE_S3_STORAGE: 'false', MAX_UPLOAD_BYTES: '60000000' })
    firmId = await makeFirm(service.app)
    member = await makeMember(service.app, firmId)
  })
  afterAll(async () => {
    await service.stop()
    await bucket.remove()
  })
}

export const actor = systemActor('a test')
export const never = new AbortController().signal
export const toS3 = { to: 's3', removesSource: true, limits: createCopyLimits(8), signal: never } as const

export async function upload(bytes = 3_000) {
  const file = Buffer.from(makePdf({ bytes }))
  const document = await uploadDocument(service.url, firmId, member, { bytes: file })
  return { document, file, version: await storedVersionOf(document.id, 'local') }
}

export async function storedVersionOf(documentId: string, store: 's3' | 'local'): Promise<StoredVersion> {
  const { storeId } = service.app.stores.local
  const versions = await listVersionsIn(service.app.db, { store, storeId }, { after: undefined, limit: 10_000 })
  const version = versions.find((each) => each.documentId === documentId)
  if (version === undefined) throw new Error('this document has no version in that store')
  return version
}

export async function versionOf(documentId: string) {
  return service.app.db
    .selectFrom('document_versions')
    .selectAll()
    .where(sql<boolean>`document_id = ${documentId}::uuid`)
    .executeTakeFirstOrThrow()
}

export async function changeVersion(documentId: string, change: ReturnType<typeof sql>): Promise<void> {
  await sql`update document_versions set ${change} where document_id = ${documentId}`.execute(service.app.db)
}

export async function platformPathOf(documentId: string): Promise<string | undefined> {
  const row = await service.app.db
    .selectFrom('firm_documents')
    .select('file_path')
    .where(sql<boolean>`id = ${documentId}::uuid`)
    .executeTakeFirst()
  return row?.file_path
}

export async function eventsOf(documentId: string): Promise<string[]> {
  const response = await callDocuments(service.url, firmId, member, `/${documentId}/events`)
  return ((await response.json()) as { action: string }[]).map(({ action }) => action)
}

export async function openMoves() {
  return service.app.db
    .selectFrom('document_blobs')
    .selectAll()
    .where('state', '=', 'incoming')
    .where('source_id', 'is not', null)
    .execute()
}

export async function forgetOpenMoves(): Promise<void> {
  await sql`delete from document_blobs where state = 'incoming'`.execute(service.app.db)
}

export async function blobsOf(documentId: string) {
  return service.app.db
    .selectFrom('document_blobs')
    .selectAll()
    .where(sql<boolean>`document_id = ${documentId}::uuid`)
    .orderBy('created_at')
    .execute()
}

export async function bytesOf(documentId: string): Promise<Buffer> {
  const answer = await callDocuments(service.url, firmId, member, `/${documentId}/download`)
  const location = answer.headers.get('location')
  const response = location === null ? answer : await fetch(location)
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

/** A process without a lock under its id. */
export const deadProcess = () => randomUUID() as ProcessId

export async function claim(
  version: StoredVersion,
  processId: ProcessId,
  to: ClaimedMove['to'] = { store: 's3', storeId: null, key: freshKey() },
): Promise<ClaimedMove> {
  const move = await claimMove(service.app.db, processId, { ...version, bytes: version.fileSize, from: version, to })
  if (move === undefined) throw new Error('the move could not be claimed')
  return move
}

export const claimAndDie = (version: StoredVersion) => claim(version, deadProcess())

export function freshKey(): StorageKey {
  return storageKeyOf({ firmId, documentType: 'registration_certificate', uuid: randomUUID(), extension: 'pdf' })
}

export async function putIntoBucket(key: StorageKey, file: Buffer): Promise<void> {
  const labels = { originalFileName: 'a.pdf', documentType: 'a', firmId, documentId: randomUUID() as never }
  const content = { kind: 'memory', bytes: file, sha256: sha256Of(file) } as const
  await service.app.stores.s3?.write(key, { contentType: 'application/pdf', labels, content })
}

export async function keysInBucket(): Promise<string[]> {
  return (await listBucket(bucket.client, bucket.name)).map(({ key }) => key)
}

export function inTwoDays(): MoveNeeds & CollectNeeds {
  return { ...service.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
}

export function pathOf(key: StorageKey): string {
  return join(service.folder, 'uploads', key)
}
