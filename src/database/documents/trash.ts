import { sql } from 'kysely'

import type { Actor, DocumentId, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Tx } from '../connection/client.ts'
import { documentColumns, type DocumentRecord } from './documents.ts'
import { platformPathOfVersion } from './versions-in-store.ts'
import { isVerifiedNow, versionToShow } from './shown-version.ts'

type DocumentRef = { firmId: FirmId; id: DocumentId }

/** Who uploaded the first version, and whether any version is verified now: a changed decision counts as it stands. */
export async function readOrigin(
  trx: Tx,
  { firmId, id }: DocumentRef,
): Promise<{ createdBy: UserId; hasVerified: boolean }> {
  const { rows } = await sql<{ createdBy: UserId; hasVerified: boolean }>`
    select d.created_by as "createdBy",
      exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                and v.review_status = 'verified') as "hasVerified"
    from documents d where d.firm_id = ${firmId} and d.id = ${id}`.execute(trx)
  const [origin] = rows
  if (origin === undefined) throw new Error('a locked document is missing')
  return origin
}

/**
 * Moves a document that the transaction has locked to the trash. The platform's row is deleted and saved for a restore.
 * `trashed_version` stays null if the row names other content, from a change of the platform that is not followed yet.
 */
export async function moveToTrash(trx: Tx, actor: Actor, { firmId, id }: DocumentRef): Promise<void> {
  await sql`
    with hidden as (
      delete from firm_documents f where f.id = ${id} and f.firm_id = ${firmId} returning to_jsonb(f) as row
    )
    update documents d set deleted_at = now(), deleted_by = ${actor.userId}, updated_at = now(),
      trashed_row = (select row from hidden),
      trashed_version = (
        select v.version from hidden, document_versions v
        where v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.shown_version
          and hidden.row ->> 'file_path' = ${platformPathOfVersion})
    where d.firm_id = ${firmId} and d.id = ${id}`.execute(trx)
}

/**
 * Restores a document that the transaction has locked. The platform's row shows the version that is due; if that is the
 * version from before the trash, the saved row is inserted unchanged except for its path. A document in quarantine or without
 * a scan verdict gets no row. A saved row with a change that was not followed yet is inserted unchanged, and then followed.
 */
export async function restoreFromTrash(trx: Tx, { firmId, id }: DocumentRef): Promise<DocumentRecord> {
  const { rows } = await sql<{ row: string; version: number }>`
    select v.version, (case when d.trashed_row is not null and d.trashed_version is null then d.trashed_row
      when d.trashed_version = v.version
      then written || coalesce(d.trashed_row, '{}') || jsonb_build_object('file_path', written -> 'file_path')
      else coalesce(d.trashed_row, '{}') || written end)::text as row
    from documents d cross join lateral ${versionToShow} as v,
    lateral (select jsonb_build_object(
      'id', d.id, 'firm_id', d.firm_id, 'document_type', d.document_type, 'file_name', v.file_name,
      'file_path', ${platformPathOfVersion}, 'file_size', v.file_size,
      'mime_type', v.mime_type, 'uploaded_by', v.uploaded_by, 'is_verified', ${isVerifiedNow('v')},
      'verified_by', case when ${isVerifiedNow('v')} then v.reviewed_by end,
      'verified_at', case when ${isVerifiedNow('v')} then v.reviewed_at end,
      'created_at', d.created_at, 'updated_at', now()) as written) as of_ours
    where d.firm_id = ${firmId} and d.id = ${id}`.execute(trx)

  // Our row first: the triggers on the platform's row compare it with ours.
  const back = await sql<DocumentRecord>`
    with d as (
      update documents set deleted_at = null, deleted_by = null, updated_at = now(),
        shown_version = ${rows[0]?.version ?? null}::int
      where firm_id = ${firmId} and id = ${id} returning *
    )
    select ${documentColumns} from d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version`.execute(
    trx,
  )
  const [document] = back.rows
  if (document === undefined) throw new Error('a document that the transaction has locked is missing')
  if (rows[0] !== undefined) await insertPlatformRow(trx, rows[0].row)
  return document
}

/** Uses the columns that the platform's table has now. */
async function insertPlatformRow(trx: Tx, row: string): Promise<void> {
  const { rows: columns } = await sql<{ name: string }>`
    select attname as name from pg_attribute
    where attrelid = 'firm_documents'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
      and attname in (select jsonb_object_keys(${row}::jsonb))`.execute(trx)
  const names = sql.join(columns.map(({ name }) => sql.ref(name)))
  await sql`
    insert into firm_documents (${names})
    select ${names} from jsonb_populate_record(null::firm_documents, ${row}::jsonb)
    on conflict (id) do nothing`.execute(trx)
}
