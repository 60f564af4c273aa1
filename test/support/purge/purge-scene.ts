import { PutBucketVersioningCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import { systemActor } from '../../../src/database/audit/events.ts'
import { collectBlobs } from '../../../src/documents/stores/collect-blobs.ts'
import { purgeDaily, type PurgeCounts } from '../../../src/documents/purge/purge-trash.ts'
import type { DocumentId, FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument, type UploadOptions } from '../documents/call-documents.ts'
import { deleteDocument } from '../documents/call-trash.ts'
import type { FreshBucket } from '../s3/fresh-bucket.ts'
import { makePdf } from '../files/make-files.ts'
import type { Person } from '../people/people.ts'
import type { TestService } from '../service/start-service.ts'

export const never = new AbortController().signal
const dayMs = 24 * 60 * 60 * 1000

export async function keepVersions({ client, name }: FreshBucket): Promise<void> {
  await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }))
}

/** A document that was uploaded by a member and deleted this number of days ago. */
export async function deletedDaysAgo(
  { app, url }: TestService,
  { firm, admin }: { firm: FirmId; admin: Person },
  days: number,
  wish: UploadOptions & { isVerified?: boolean } = {},
): Promise<DocumentShape> {
  const bytes = makePdf({ seed: crypto.randomUUID() })
  const document = await uploadDocument(url, firm, admin, { type: 'bank_statement', bytes, ...wish })
  if (wish.isVerified === true) await verifyAll(app, document.id)
  const deleted = await deleteDocument(url, { firm, id: document.id }, admin)
  if (deleted.status !== 204) throw new Error(`not deleted: ${deleted.status}`)
  await sql`update documents set deleted_at = now() - make_interval(days => ${days}, mins => 1)
    where id = ${document.id}::uuid`.execute(app.db)
  return document
}

/** Like the platform's own code. */
export async function verifyAll({ db }: TestService['app'], id: string): Promise<void> {
  await sql`update firm_documents set is_verified = true, verified_at = now() where id = ${id}::uuid`.execute(db)
}

/** Runs the daily purge this number of days from now. */
export async function purgeAll({ app }: TestService, { inDays = 0 } = {}): Promise<PurgeCounts> {
  return purgeDaily({ ...app, now: () => new Date(Date.now() + inDays * dayMs) }, systemActor('a test'), never)
}

/** Runs the collector this number of days from now. */
export async function collect({ app }: TestService, { inDays = 0 } = {}) {
  return collectBlobs({ ...app, now: () => new Date(Date.now() + inDays * dayMs) }, never)
}

export async function isThere({ app }: TestService, id: string): Promise<boolean> {
  const row = await app.db
    .selectFrom('documents')
    .select('id')
    .where('id', '=', id as DocumentId) // a test's own
    .executeTakeFirst()
  return row !== undefined
}

/** The disposal record of a document, with the state of each of its blobs. */
export async function recordOf({ app }: TestService, id: string) {
  const disposals = await app.db
    .selectFrom('document_disposals')
    .selectAll()
    .where('document_id', '=', id as DocumentId) // a test's own
    .execute()
  const files = await app.db
    .selectFrom('document_blobs')
    .selectAll()
    .where('disposal_id', 'in', disposals.length === 0 ? [crypto.randomUUID()] : disposals.map((each) => each.id))
    .orderBy('storage_key')
    .execute()
  return { disposals, files }
}
