import { sql } from 'kysely'

import type { Actor, DocumentId, ScanStatus, Sha256 } from '../vocabulary.ts'
import type { Tx } from './client.ts'
import { documentColumns, type DocumentRecord, firstWithBytes, type Seeing, type VersionOfFile } from './documents.ts'
import { type Place, platformPath } from './places.ts'

export type NewVersion = Place &
  VersionOfFile & {
    documentId: DocumentId
    sha256: Sha256
    etag: string | undefined
    objectVersionId: string | undefined
    isFallback: boolean
    scanStatus: ScanStatus
    /** When its scan began, where there was one: what the scanner has learned since, it did not look for. */
    scannedSecondsAgo?: number
    /** The version of the same document whose bytes these are: scanned when that one was. */
    copyOf?: number
  }

/** `duplicateOf`: a document that had these bytes before. */
export type RecordedDocument = DocumentRecord & { duplicateOf: DocumentId | null }

/**
 * A new document with its first version, and the platform's row for it where it may be seen. One statement: every way to
 * the server and back costs an upload more than the rows do.
 */
export async function recordNewDocument(
  trx: Tx,
  actor: Actor,
  seeing: Seeing,
  version: NewVersion,
): Promise<RecordedDocument> {
  const { rows } = await sql<RecordedDocument>`
    with d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      values (${seeing.membership.firmId}, ${version.documentId}, ${version.documentType}, 1, ${actor.userId})
      returning *
    ),
    v as (${insertVersion(actor, version)}),
    platform_row as (${showVersion(version)})
    select ${documentColumns}, ${firstWithBytes(seeing, version.sha256)} as "duplicateOf" from d, v`.execute(trx)
  return one(rows)
}

/**
 * The newest version of a document that the transaction holds (`lockDocument`), unverified. The platform's row shows it
 * where it may be seen, and else keeps showing the last one that may.
 */
export async function recordNewVersion(
  trx: Tx,
  actor: Actor,
  seeing: Seeing,
  version: NewVersion,
): Promise<RecordedDocument> {
  const { firmId } = seeing.membership
  const { rows } = await sql<RecordedDocument>`
    with d as (
      update documents d set updated_at = now(), current_version = (
        select max(each.version) + 1 from document_versions each
        where each.firm_id = d.firm_id and each.document_id = d.id)
      where d.firm_id = ${firmId} and d.id = ${version.documentId}
      returning *
    ),
    v as (${insertVersion(actor, version)}),
    platform_row as (
      ${showVersion(version)}
      on conflict (id) do update set file_name = excluded.file_name, file_path = excluded.file_path,
        file_size = excluded.file_size, mime_type = excluded.mime_type, uploaded_by = excluded.uploaded_by,
        is_verified = false, verified_by = null, verified_at = null, updated_at = now()
      where shown.firm_id = excluded.firm_id
    )
    select ${documentColumns}, ${firstWithBytes(seeing, version.sha256)} as "duplicateOf" from d, v`.execute(trx)
  return one(rows)
}

const insertVersion = (actor: Actor, version: NewVersion) => sql`
  insert into document_versions (firm_id, document_id, version, id, file_name, file_size, mime_type, sha256, store,
    store_id, storage_key, is_fallback, etag, object_version_id, scan_status, scanned_at, uploaded_by)
  select d.firm_id, d.id, d.current_version, ${version.versionId}::uuid, ${version.fileName}::text, ${version.fileSize}::int,
    ${version.mimeType}::text, ${version.sha256}::text, ${version.store}::text, ${version.storeId}::uuid,
    ${version.key}::text, ${version.isFallback}::boolean, ${version.etag ?? null}::text,
    ${version.objectVersionId ?? null}::text, ${version.scanStatus}::text, ${scannedAt(version)}, ${actor.userId}::uuid
  from d
  returning *`

/** Null in one that has no verdict yet. */
const scannedAt = ({ copyOf, scanStatus, scannedSecondsAgo = 0 }: NewVersion) =>
  copyOf === undefined
    ? sql`case ${scanStatus} when 'clean' then now() - make_interval(secs => ${scannedSecondsAgo}) end`
    : sql`(select old.scanned_at from document_versions old
        where old.firm_id = d.firm_id and old.document_id = d.id and old.version = ${copyOf})`

const showVersion = (version: NewVersion) => sql`
  insert into firm_documents as shown (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
    is_verified, created_at, updated_at)
  select d.id, d.firm_id, d.document_type, v.file_name, ${platformPath(version)}::text, v.file_size, v.mime_type,
    v.uploaded_by, false, d.created_at, now()
  from d, v
  where ${isServable(version.scanStatus)}::boolean`

function isServable(scanStatus: ScanStatus): boolean {
  return scanStatus === 'clean' || scanStatus === 'skipped'
}

function one(rows: RecordedDocument[]): RecordedDocument {
  const [document] = rows
  if (document === undefined) throw new Error('A row that was just inserted did not come back.')
  return document
}
