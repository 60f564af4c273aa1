import { type RawBuilder, sql } from 'kysely'

import type { ErrorCode, FieldError } from '../../errors/app-error.ts'
import {
  type ApiKeyId,
  type BlobId,
  type Caller,
  type DocumentId,
  type FirmId,
  type StorageKey,
  type StoreId,
  type StoreName,
  type UploadId,
  type UserId,
  type VersionId,
} from '../../vocabulary/vocabulary.ts'
import { endedUploadExpiry, isClaimExpired, isInStore, type StoreRef, unclaimed } from '../blobs/blob.ts'
import type { Db } from '../connection/client.ts'
import { type AccessRow, accessOf, type Membership, membershipFrom, type RightToCheck } from '../people/check-access.ts'

/** The error with which an upload ended; the same is answered until the row expires. */
export type UploadFailure = { code: ErrorCode; message: string; fields: FieldError[] }

/** A file that arrives over many requests. `bytes`: what is durable of it. */
export type ResumableUpload = {
  id: UploadId
  firmId: FirmId
  userId: UserId
  /** The API key that sent the last bytes. */
  apiKeyId: ApiKeyId | null
  documentType: string
  /** A new version of its document; otherwise a new document. */
  isVersion: boolean
  fileName: string
  declaredType: string | null
  metadata: string
  contentType: string
  expectedSha256: string | null
  idempotencyKey: string | null
  isFallback: boolean
  totalBytes: number
  bytes: number
  parts: { number: number; etag: string; bytes: number; sha256?: string }[]
  restKey: StorageKey | null
  restBytes: number
  failure: UploadFailure | null
  expiresAt: Date
  blobId: BlobId
  documentId: DocumentId
  versionId: VersionId
  store: StoreName
  storeId: StoreId | null
  key: StorageKey
  multipartId: string | null
  /** Whether a request is at work on it. */
  isClaimed: boolean
  /** The document that it became. */
  resultId: DocumentId | null
}

export type NewUpload = Pick<
  ResumableUpload,
  | 'id'
  | 'blobId'
  | 'firmId'
  | 'userId'
  | 'documentType'
  | 'isVersion'
  | 'fileName'
  | 'declaredType'
  | 'metadata'
  | 'contentType'
  | 'expectedSha256'
  | 'idempotencyKey'
  | 'isFallback'
  | 'totalBytes'
>

/** Inserts an upload whose blob is reserved, and ends the claim of the reservation. */
export async function insertUpload(db: Db, upload: NewUpload, hours: number): Promise<Date> {
  const { rows } = await sql<{ expiresAt: Date }>`
    with released as (
      update document_blobs set ${unclaimed} where id = ${upload.blobId} and state = 'incoming'
    )
    insert into document_uploads (id, blob_id, firm_id, user_id, document_type, is_version, file_name, declared_type, metadata,
      content_type, expected_sha256, idempotency_key, is_fallback, total_bytes, expires_at)
    values (${upload.id}, ${upload.blobId}, ${upload.firmId}, ${upload.userId}, ${upload.documentType},
      ${upload.isVersion}, ${upload.fileName}, ${upload.declaredType}, ${upload.metadata}, ${upload.contentType}, ${upload.expectedSha256},
      ${upload.idempotencyKey}, ${upload.isFallback}, ${upload.totalBytes}, now() + make_interval(hours => ${hours}))
    returning expires_at as "expiresAt"`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no new upload')
  return row.expiresAt
}

/** SQL: an upload `u` with its blob `b` and the blob of its rest, `rest`. */
const uploadColumns = sql<ResumableUpload>`u.id, u.firm_id as "firmId", u.user_id as "userId", u.api_key_id as "apiKeyId",
  u.document_type as "documentType", u.is_version as "isVersion", u.file_name as "fileName", u.declared_type as "declaredType", u.metadata,
  u.content_type as "contentType", u.expected_sha256 as "expectedSha256", u.idempotency_key as "idempotencyKey",
  u.is_fallback as "isFallback", u.total_bytes::float8 as "totalBytes", u.received_bytes::float8 as bytes, u.parts,
  rest.storage_key as "restKey", u.rest_bytes as "restBytes", u.failure, u.expires_at as "expiresAt",
  b.id as "blobId", b.document_id as "documentId", b.version_id as "versionId", b.store, b.store_id as "storeId",
  b.storage_key as key, b.multipart_id as "multipartId", not ${isClaimExpired} as "isClaimed",
  u.result_document_id as "resultId"`

type Opening = { caller: Caller; firmId: FirmId; uploadId: UploadId; right: RightToCheck }

export type OpenedUpload = { upload: ResumableUpload; membership: Membership }

/** Checks the right and reads the upload. Throws `AccessDenied`. Undefined if the firm has no such upload, or it expired. */
export async function openUpload(
  db: Db,
  { caller, firmId, uploadId, right }: Opening,
): Promise<OpenedUpload | undefined> {
  const { rows } = await sql<AccessRow & { [Column in keyof ResumableUpload]: ResumableUpload[Column] | null }>`
    select access.denial, access.role, ${uploadColumns}
    from ${accessOf({ caller, firmId, right })} as access
    left join document_uploads u
      on access.denial is null and u.id = ${uploadId} and u.firm_id = ${firmId} and u.expires_at > now()
      and (u.result_document_id is not null or u.failure is not null
        or exists (select from document_blobs b where b.id = u.blob_id and b.state = 'incoming'))
    left join document_blobs b on b.id = u.blob_id
    left join document_blobs rest on rest.id = u.rest_blob_id`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no row for a right')
  const membership = membershipFrom(row, { userId: caller.userId, firmId })
  const { denial: _denial, role: _role, ...upload } = row
  // A row with an id has all columns of an upload; those of a missing blob are not read after a result or a failure.
  return upload.id === null ? undefined : { upload: upload as ResumableUpload, membership }
}

/** A page of uploads in a store that wait for their end: all bytes are there, and no request is at work. Ordered by id. */
export async function listCompleteUploads(
  db: Db,
  here: StoreRef,
  { after, limit }: { after: UploadId | undefined; limit: number },
): Promise<ResumableUpload[]> {
  return await selectComplete(
    db,
    sql`${isInStore(here)} and ${isClaimExpired} and u.id > ${after ?? beforeAllUploads} order by u.id limit ${limit}`,
  )
}

const beforeAllUploads = '00000000-0000-0000-0000-000000000000'

/** A system task reads an upload that waits for its end. Undefined: it has ended, or another task postponed it. */
export async function findCompleteUpload(db: Db, id: UploadId): Promise<ResumableUpload | undefined> {
  return (await selectComplete(db, sql`u.id = ${id}`))[0]
}

async function selectComplete(db: Db, condition: RawBuilder<unknown>): Promise<ResumableUpload[]> {
  const { rows } = await sql<ResumableUpload>`
    select ${uploadColumns} from document_uploads u
    join document_blobs b on b.id = u.blob_id and b.state = 'incoming'
    left join document_blobs rest on rest.id = u.rest_blob_id
    where u.received_bytes = u.total_bytes and u.result_document_id is null and u.failure is null
      and u.expires_at > now() and u.end_due_at <= now() and ${condition}`.execute(db)
  return rows
}

/** After a failed attempt of the system task. It waits for the first pause, and twice as long after each fault `isOfFile`. */
export async function postponeEnd(
  db: Db,
  id: UploadId,
  { isOfFile, firstMinutes, maxMinutes }: { isOfFile: boolean; firstMinutes: number; maxMinutes: number },
): Promise<void> {
  await sql`
    update document_uploads set end_tries = case when ${isOfFile} then end_tries + 1 else 0 end,
      end_due_at = now() + interval '1 minute' * least(${maxMinutes}::float8,
        ${firstMinutes}::float8 * case when ${isOfFile} then power(2, least(end_tries, 10)) else 1 end)
    where id = ${id}`.execute(db)
}

/** Records the document of an earlier upload with the same idempotency key. That of an own one is recorded by its commit. */
export async function recordResult(db: Db, id: UploadId, documentId: DocumentId): Promise<void> {
  await sql`
    update document_uploads set result_document_id = ${documentId}, expires_at = ${endedUploadExpiry} where id = ${id}`.execute(
    db,
  )
}

/** Records the error with which an upload ended. */
export async function recordFailure(db: Db, id: UploadId, failure: UploadFailure): Promise<void> {
  const text = JSON.stringify({ ...failure, message: failure.message.toWellFormed() })
  await sql`
    update document_uploads set failure = ${text}::jsonb, expires_at = ${endedUploadExpiry} where id = ${id}`.execute(
    db,
  )
}

/** Deletes the row of an upload. Its blob counts as left behind from then on. */
export async function forgetUpload(db: Db, id: UploadId): Promise<void> {
  await sql`delete from document_uploads where id = ${id}`.execute(db)
}
