import { type RawBuilder, sql } from 'kysely'

import { showsVerified } from '../documents/shown-version.ts'
import { endedUploadExpiry } from './blob.ts'

/** SQL, for `going g`. Null without a verdict. */
const scannedAt: RawBuilder<Date | null> = sql`case
  when g.copy_of is not null then (
    select old.scanned_at from document_versions old
    where old.firm_id = g.firm_id and old.document_id = g.document_id and old.version = g.copy_of)
  when g.scan_status = 'clean' then now() - make_interval(secs => g.scanned_seconds_ago)
end`

/** SQL, for `going`: all rows of an upload except its event. */
export const writeSteps = sql`
  live as (
    update document_blobs b set state = 'live', bytes = g.file_size, reserved_bytes = 0, reserved_documents = 0,
      reserved_under = null, multipart_id = null, claimed_by = null, claimed_until = null, changed_at = now()
    from going g where b.id = g.blob_id and b.id = any (array(select blob_id from going))
  ),
  -- What a resumable upload became. Recorded later, it could be lost, and its client would ask for it in vain.
  ended_uploads as (
    update document_uploads u set result_document_id = g.document_id, expires_at = ${endedUploadExpiry}
    from going g where u.blob_id = g.blob_id and u.blob_id = any (array(select blob_id from going))
  ),
  created as (
    insert into documents (firm_id, id, document_type, current_version, shown_version, created_by)
    select firm_id, document_id, document_type, 1, case when is_servable then 1 end, user_id from going where is_new
    returning *
  ),
  renewed as (
    update documents d set updated_at = now(), current_version = g.version,
      shown_version = case when g.is_servable and not ${showsVerified} then g.version else d.shown_version end
    from going g
    where not g.is_new and d.firm_id = g.firm_id and d.id = g.document_id and d.id = any (array(select document_id from going))
    returning d.*
  ),
  d as (select * from created union all select * from renewed),
  v as (
    insert into document_versions (firm_id, document_id, version, id, file_name, file_size, mime_type, sha256, store,
      store_id, storage_key, is_fallback, etag, object_version_id, scan_status, scanned_at, uploaded_by,
      checklist_type)
    select g.firm_id, g.document_id, g.version, g.version_id, g.file_name, g.file_size, g.mime_type, g.sha256, g.store,
      g.store_id, g.storage_key, g.is_fallback, g.etag, g.object_version_id, g.scan_status, ${scannedAt}, g.user_id,
      -- A trigger copies that of an existing document.
      case when g.is_new then g.document_type end
    from going g
    returning *
  )`

/**
 * SQL, for `going` and `d`: inserts the platform's row. A version that may not be served yet has none; one that follows a
 * verified version has none until it is verified, too.
 */
export const platformRowInsert = sql`
  platform_row as (
    insert into firm_documents as shown (id, firm_id, document_type, file_name, file_path, file_size, mime_type,
      uploaded_by, is_verified, created_at, updated_at)
    select d.id, d.firm_id, d.document_type, g.file_name, g.platform_path, g.file_size, g.mime_type, g.user_id, false,
      d.created_at, now()
    from going g join d on d.firm_id = g.firm_id and d.id = g.document_id
    where g.is_servable and (g.is_new or not ${showsVerified})`

/**
 * SQL: an existing platform row shows the version. A version that may not be served yet, or not before its review, does not
 * replace it.
 */
export const platformRowUpdate = sql`
    on conflict (id) do update set file_name = excluded.file_name, file_path = excluded.file_path,
      file_size = excluded.file_size, mime_type = excluded.mime_type, uploaded_by = excluded.uploaded_by,
      is_verified = false, verified_by = null, verified_at = null, updated_at = now()
    where shown.firm_id = excluded.firm_id`
