import { randomUUID } from 'node:crypto'

import type { Reservation } from '../../../src/database/blobs/reserve-upload.ts'
import { importAccessKey } from '../../../src/people/sessions/token-keys.ts'
import type { BlobId, DocumentId, FirmId, StorageKey, UserId, VersionId } from '../../../src/vocabulary/vocabulary.ts'
import { migratedDatabase } from '../../support/database/migrated-database.ts'
import { makeFirm, makeMember, type Registry } from '../../support/people/people.ts'

/** A database without a service. */
export async function openRegistry(closing: AsyncDisposableStack): Promise<Registry> {
  const db = await migratedDatabase(closing)
  const keys = { accessKey: await importAccessKey('a secret for tests that nobody else has') }
  return { db, now: () => new Date(), keys }
}

export type FirmWithMember = { firmId: FirmId; userId: UserId }

export async function makeFirmWithMember(registry: Registry): Promise<FirmWithMember> {
  const firmId = await makeFirm(registry)
  return { firmId, userId: (await makeMember(registry, firmId)).id }
}

export const callerOf = ({ userId }: FirmWithMember) => ({ userId, sessionId: undefined, apiKeyId: undefined })

/** Of a new document on S3. */
export function newReservation({ firmId }: FirmWithMember, bytes: number): Reservation {
  return {
    id: randomUUID() as BlobId, // used for nothing else, as the ids below
    firmId,
    documentId: randomUUID() as DocumentId,
    versionId: randomUUID() as VersionId,
    store: 's3',
    storeId: null,
    key: `security_firms/${firmId}/${randomUUID()}.pdf` as StorageKey,
    addedUsage: { bytes, documents: 1 },
    scope: undefined,
    documentType: undefined,
  }
}
