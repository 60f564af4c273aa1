import { sql } from 'kysely'

import type {
  Actor,
  DocumentId,
  FirmId,
  ReviewStatus,
  ScanStatus,
  Sha256,
  StorageKey,
  StoreId,
  StoreName,
} from '../../vocabulary/vocabulary.ts'
import { detailsOf } from '../audit/events.ts'
import type { Db } from '../connection/client.ts'
import { verifiedVersion } from '../documents/shown-version.ts'
import { type AccessRow, accessOf, type Membership, membershipFrom, type RightToCheck } from '../people/check-access.ts'

/** A version that belongs into the archive of its firm. */
export type ArchivedVersion = {
  documentId: DocumentId
  documentType: string
  version: number
  isCurrent: boolean
  /** The newest verified one, which newer ones do not replace before they are verified. */
  isInForce: boolean
  fileName: string
  fileSize: number
  mimeType: string
  sha256: Sha256 | null
  store: StoreName
  storeId: StoreId | null
  key: StorageKey
  scanStatus: ScanStatus
  bytesState: 'present' | 'missing' | 'wrong' | 'removed'
  reviewStatus: ReviewStatus
  reviewReason: string | null
  reviewedAt: Date | null
  validUntil: string | null
  uploadedAt: Date
  /** The creation time of the document to the microsecond, for paging. */
  createdAtExact: string
}

const columns = sql<ArchivedVersion>`
  d.id as "documentId", d.document_type as "documentType", v.version, v.version = d.current_version as "isCurrent",
  coalesce(v.version = ${verifiedVersion}, false) as "isInForce",
  v.file_name as "fileName", v.file_size as "fileSize", v.mime_type as "mimeType", v.sha256, v.store,
  v.store_id as "storeId", v.storage_key as key, v.scan_status as "scanStatus", v.bytes_state as "bytesState",
  v.review_status as "reviewStatus", v.review_reason as "reviewReason", v.reviewed_at as "reviewedAt",
  to_char(v.valid_until, 'YYYY-MM-DD') as "validUntil", v.uploaded_at as "uploadedAt", d.created_at::text as "createdAtExact"`

/** SQL: whether a version `v` of `documents d` belongs into the archive: the newest and the one in force, or all. */
const isArchived = (withVersions: boolean) => sql<boolean>`
  (${withVersions}::boolean or v.version = d.current_version or v.version = ${verifiedVersion})`

type Opening = { firmId: FirmId; right: RightToCheck & { event: string }; withVersions: boolean }

export type OpenedArchive = { membership: Membership; firmName: string; files: number; bytes: number }

type OpenedRow = AccessRow & { firmName: string | null; files: number; bytes: number }

/**
 * Checks the right to the archive of a firm, counts what it has, and writes the event, in one statement: without the event
 * there is no archive.
 */
export async function openArchive(
  db: Db,
  actor: Actor,
  { firmId, right, withVersions }: Opening,
): Promise<OpenedArchive> {
  const { rows } = await sql<OpenedRow>`
    with access as materialized (
      select * from ${accessOf({ caller: actor, firmId, right })} as access
    ),
    counted as materialized (
      select count(distinct d.id) as documents, count(*) as files, coalesce(sum(v.file_size), 0) as bytes
      from documents d join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
      where (select denial is null from access) and d.firm_id = ${firmId} and d.deleted_at is null
        and ${isArchived(withVersions)}
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, actor_id, ip, user_agent, request_id, details)
      select ${right.event}, 'ok', ${firmId}::uuid, ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent.toWellFormed()},
        ${actor.requestId}, ${JSON.stringify(detailsOf(actor, { versions: withVersions }))}::jsonb
          || jsonb_build_object('documents', documents, 'files', files, 'bytes', bytes)
      from access, counted where denial is null
    )
    select access.*, files::float8 as files, bytes::float8 as bytes,
      (select name from security_firms where id = ${firmId}) as "firmName"
    from access, counted`.execute(db)
  const row = rows[0] ?? { denial: null, role: null, firmName: null, files: 0, bytes: 0 }
  const membership = membershipFrom(row, { userId: actor.userId, firmId })
  return { membership, firmName: row.firmName ?? '', files: row.files, bytes: row.bytes }
}

/** The types of the firm's documents outside the trash. */
export async function listArchivedTypes(db: Db, { firmId }: Membership): Promise<string[]> {
  const { rows } = await sql<{ code: string }>`
    select distinct document_type as code from documents
    where (case when deleted_at is null then firm_id end) = ${firmId} order by code`.execute(db)
  return rows.map(({ code }) => code)
}

type ArchivePage = {
  documentType: string
  withVersions: boolean
  after: ArchivedVersion | undefined
  limit: number
}

/** The files of one type, the oldest document first, each with its oldest version first. */
export async function listArchivedVersions(
  db: Db,
  { firmId }: Membership,
  { documentType, withVersions, after, limit }: ArchivePage,
): Promise<ArchivedVersion[]> {
  const { rows } = await sql<ArchivedVersion>`
    select ${columns}
    from documents d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
      and ${isArchived(withVersions)}
    where d.firm_id = ${firmId} and d.document_type = ${documentType} and d.deleted_at is null
      ${after === undefined ? sql`` : isAfter(after)}
    order by d.created_at, d.id, v.version limit ${limit}`.execute(db)
  return rows
}

/** The first comparison is for the index. */
const isAfter = ({ createdAtExact, documentId, version }: ArchivedVersion) => sql`
  and (d.created_at, d.id) >= (${createdAtExact}::timestamptz, ${documentId}::uuid)
  and (d.created_at, d.id, v.version) > (${createdAtExact}::timestamptz, ${documentId}::uuid, ${version}::int)`

/** The same version as it is now; undefined if the document was deleted meanwhile. */
export async function findArchivedVersion(
  db: Db,
  { firmId }: Membership,
  { documentId, version }: Pick<ArchivedVersion, 'documentId' | 'version'>,
): Promise<ArchivedVersion | undefined> {
  const { rows } = await sql<ArchivedVersion>`
    select ${columns}
    from documents d join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
    where d.firm_id = ${firmId} and d.id = ${documentId} and v.version = ${version} and d.deleted_at is null`.execute(
    db,
  )
  return rows[0]
}
