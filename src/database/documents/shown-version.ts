import { type RawBuilder, sql } from 'kysely'

import type { DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import type { Tx } from '../connection/client.ts'
import { platformPathOfVersion } from './versions-in-store.ts'

/**
 * SQL: the number of the version in force of `documents d`: the newest verified one. It stays in force while newer versions
 * wait for their review (contract §8), but not once the platform has put unverified content into its row.
 */
export const verifiedVersion = sql<number | null>`(
  select case when each.review_status = 'verified' then each.version end from document_versions each
  where each.firm_id = d.firm_id and each.document_id = d.id and (each.review_status = 'verified' or each.is_platforms)
  order by each.version desc limit 1)`

/** SQL: whether the version in force of `documents d` may be served, so that the platform's row shows it. */
export const showsVerified = sql<boolean>`exists (
  select from document_versions shown
  where shown.firm_id = d.firm_id and shown.document_id = d.id and shown.version = ${verifiedVersion}
    and shown.scan_status in ('clean', 'skipped'))`

/** SQL: whether the platform's row of a version `v` is verified: it is, until its last day is over. */
export const isVerifiedNow = (v: string) =>
  sql<boolean>`(${sql.ref(`${v}.review_status`)} = 'verified' and ${sql.ref(`${v}.expired_at`)} is null)`

/**
 * SQL: the row of `document_versions` that the platform's row of `documents d` shows: the version in force; without one, the
 * newest that may be served, unless the current version is in quarantine.
 */
export const versionToShow: RawBuilder<unknown> = sql`(
  select candidate.* from document_versions candidate, (select ${verifiedVersion} as version) as in_force
  where candidate.firm_id = d.firm_id and candidate.document_id = d.id and candidate.scan_status in ('clean', 'skipped')
    and (candidate.version = in_force.version
      or not exists (select from document_versions c where c.firm_id = d.firm_id and c.document_id = d.id
                       and c.version = d.current_version and c.scan_status = 'infected'))
  order by (candidate.version = in_force.version) desc nulls last, candidate.version desc limit 1)`

type DocumentRef = { firmId: FirmId; documentId: DocumentId }

/** `mayAppear`: a missing row is inserted; otherwise the platform may have deleted it. `isDecision`: after a review. */
type Showing = { mayAppear: boolean; isDecision: boolean }

/**
 * Makes the platform's row of a document that the transaction has locked show its version, or deletes the row if there is
 * none to show.
 */
export async function showVersion(
  trx: Tx,
  { firmId, documentId }: DocumentRef,
  { mayAppear, isDecision }: Showing,
): Promise<void> {
  await sql`
    with target as materialized (
      select v.*, d.document_type, d.created_at, ${platformPathOfVersion} as path
      from documents d cross join lateral ${versionToShow} as v
      where d.firm_id = ${firmId} and d.id = ${documentId} and d.deleted_at is null
    ),
    hidden as (
      delete from firm_documents where id = ${documentId} and firm_id = ${firmId} and not exists (select from target)
    ),
    noted as (
      update documents d set shown_version = (select version from target)
      where d.firm_id = ${firmId} and d.id = ${documentId} and d.deleted_at is null
        and (${mayAppear}::boolean or not exists (select from target)
          or exists (select from firm_documents where id = ${documentId} and firm_id = ${firmId}))
    )
    insert into firm_documents as shown (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
      is_verified, verified_by, verified_at, created_at, updated_at)
    select document_id, firm_id, document_type, file_name, path, file_size, mime_type, uploaded_by,
      ${isVerifiedNow('target')}, case when ${isVerifiedNow('target')} then reviewed_by end,
      case when ${isVerifiedNow('target')} then reviewed_at end, created_at, now()
    from target
    where ${mayAppear}::boolean or exists (select from firm_documents where id = ${documentId} and firm_id = ${firmId})
    on conflict (id) do update set file_name = excluded.file_name, file_path = excluded.file_path,
      file_size = excluded.file_size, mime_type = excluded.mime_type, uploaded_by = excluded.uploaded_by,
      is_verified = excluded.is_verified, verified_by = excluded.verified_by, verified_at = excluded.verified_at,
      updated_at = now()
    where shown.firm_id = excluded.firm_id
      and (shown.file_path <> excluded.file_path
        or ${isDecision}::boolean and (shown.is_verified, shown.verified_by, shown.verified_at)
          is distinct from (excluded.is_verified, excluded.verified_by, excluded.verified_at))`.execute(trx)
}
