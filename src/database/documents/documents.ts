import { sql } from 'kysely'

import type {
  DocumentId,
  FirmId,
  ReviewStatus,
  ScanStatus,
  Sha256,
  StorageKey,
  StoreId,
  StoreName,
  UserId,
  VersionId,
} from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { Membership } from '../people/check-access.ts'
import { isVisibleTo } from './confidential-documents.ts'
import { verifiedVersion } from './shown-version.ts'

/** The facts of a version that do not change. */
export type VersionOfFile = {
  versionId: VersionId
  documentType: string
  fileName: string
  fileSize: number
  mimeType: string
}

/** A document with its current version. */
export type DocumentRecord = VersionOfFile & {
  id: DocumentId
  firmId: FirmId
  sha256: Sha256 | null
  version: number
  /** The version in force; newer ones wait for their review or were rejected. Null: none is verified. */
  verifiedVersion: number | null
  store: StoreName
  storeId: StoreId | null
  storageKey: StorageKey
  uploadedBy: UserId
  uploadedAt: Date
  reviewStatus: ReviewStatus
  reviewReason: string | null
  reviewComment: string | null
  reviewedAt: Date | null
  /** When it was recorded that the last day of the verified version is over. */
  expiredAt: Date | null
  validUntil: string | null
  scanStatus: ScanStatus
  bytesState: 'present' | 'missing' | 'wrong' | 'removed'
  deletedAt: Date | null
  /** The creation time to the microsecond, for paging. */
  createdAtExact: string
}

/** Every field of a `DocumentRecord`, of `documents d` and `document_versions v`. */
export const documentColumns = sql<DocumentRecord>`
  d.id, d.firm_id as "firmId", d.document_type as "documentType", v.file_name as "fileName", v.file_size as "fileSize",
  v.mime_type as "mimeType", v.sha256, v.version, ${verifiedVersion} as "verifiedVersion", v.id as "versionId", v.store, v.store_id as "storeId",
  v.storage_key as "storageKey", v.uploaded_by as "uploadedBy", v.uploaded_at as "uploadedAt",
  v.review_status as "reviewStatus", v.review_reason as "reviewReason", v.review_comment as "reviewComment",
  v.reviewed_at as "reviewedAt", v.expired_at as "expiredAt",
  to_char(v.valid_until, 'YYYY-MM-DD') as "validUntil", v.scan_status as "scanStatus", v.bytes_state as "bytesState",
  d.deleted_at as "deletedAt", d.created_at::text as "createdAtExact"`

/** SQL: the code of a type that is named by its code or its id. */
export const codeOf = (codeOrId: string) =>
  sql`coalesce((select code from document_types where id::text = lower(${codeOrId})), ${codeOrId})`

/** The person who reads, and the roles that may see confidential documents. */
export type Viewer = { membership: Membership; confidentialRoles: readonly string[] }

/**
 * One of the firm's documents, in the trash or not, with its current version or another one; undefined when there is
 * none that this member may see.
 */
export async function findDocument(
  db: Db | Tx,
  seeing: Viewer,
  documentId: DocumentId,
  version?: number,
): Promise<DocumentRecord | undefined> {
  const { membership } = seeing
  const { rows } = await sql<DocumentRecord>`
    select ${documentColumns}
    from documents d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and ${isVersion(version)}
    where d.firm_id = ${membership.firmId} and d.id = ${documentId} and ${isVisible(seeing)}`.execute(db)
  return rows[0]
}

/** SQL: whether `document_versions v` has this number; undefined: whether it is the current version of `documents d`. */
const isVersion = (version: number | undefined) =>
  sql<boolean>`v.version = coalesce(${version ?? null}::int, d.current_version)`

/** SQL: whether this member may see `document_versions v` of `documents d`. */
const isVisible = ({ membership, confidentialRoles }: Viewer) =>
  isVisibleTo(sql`${membership.role}::text`, membership.userId, confidentialRoles)

/** `after`: the last version number of the previous page. */
export type VersionPage = { limit: number; after: { at: string } | undefined }

/** The versions of a document that this member may see, newest first. */
export async function listVersions(
  db: Db,
  seeing: Viewer,
  documentId: DocumentId,
  { limit, after }: VersionPage,
): Promise<DocumentRecord[]> {
  const { rows } = await sql<DocumentRecord>`
    select ${documentColumns}
    from documents d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
    where d.firm_id = ${seeing.membership.firmId} and d.id = ${documentId} and ${isVisible(seeing)}
      ${after === undefined ? sql`` : sql`and v.version < ${after.at}::int`}
    order by v.version desc limit ${limit}`.execute(db)
  return rows
}

type DocumentRef = { firmId: FirmId; documentId: DocumentId }

/** Locks a document and follows a noted change of the platform, so that the change is not overwritten. */
export async function lockAndFollow(trx: Tx, { firmId, documentId }: DocumentRef): Promise<void> {
  await lockRows(trx, { firmId, documentId })
  // A statement of its own: one that waited for a lock continues with its old snapshot.
  await sql`select document_follow_locked(${firmId}, ${documentId})`.execute(trx)
}

/**
 * Takes the advisory lock, then locks the platform's row, then ours: the platform's own UPDATE locks the rows in this order.
 * A platform row that is inserted during the wait for our row is not locked, and a transaction that locks it may then wait
 * for ours. So a caller must have no other lock on the document while it waits here.
 */
export async function lockRows(trx: Tx, { firmId, documentId }: DocumentRef): Promise<void> {
  // document_follow_noted (0009-compare-platform.sql) uses this name too.
  await sql`select pg_advisory_xact_lock(hashtextextended('document:' || ${documentId}::uuid, 0))`.execute(trx)
  // A statement of its own: one that waited for a lock continues with its old snapshot.
  await sql`
    with shown as materialized (
      select id from firm_documents where id = ${documentId} and firm_id = ${firmId} for update
    )
    select from documents d, (select count(*) from shown) as waited
    where d.firm_id = ${firmId} and d.id = ${documentId} for update of d`.execute(trx)
}
