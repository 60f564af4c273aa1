import type { Client } from 'pg'

import type { StoreId, StoreName } from '../../vocabulary/vocabulary.ts'

/** A file with a new key: its old key is invalid, or already used in the target. */
export type Renamed = { store: StoreName; storeId: StoreId | null; key: string; newKey: string }

type NewLocations = {
  store: StoreName
  storeId: StoreId | null
  /** The id of the old bucket, for rows that must name it. */
  oldBucket: string
  renamed: Renamed[]
  /** Versions whose files are not in the backup. */
  withoutBytes: string[]
}

/** All files are in one store now: updates our rows and the platform's, in the transaction that loads them. */
export async function rewriteLocations(
  client: Client,
  { store, storeId, oldBucket, renamed, withoutBytes }: NewLocations,
): Promise<void> {
  if (renamed.length > 0) await rename(client, renamed)
  await client.query(
    `update document_versions set store = $1, store_id = $2::uuid, is_fallback = false, etag = null, object_version_id = null`,
    [store, storeId],
  )
  const path = (old: string) =>
    store === 's3' ? `regexp_replace(${old}, '^uploads/', '')` : `regexp_replace(${old}, '^(uploads/)?', 'uploads/')`
  await client.query(
    `update firm_documents set file_path = ${path('file_path')} where file_path <> ${path('file_path')}`,
  )
  await client.query(`
    update documents set trashed_row = trashed_row || jsonb_build_object('file_path', ${path(`trashed_row ->> 'file_path'`)})
    where trashed_row ->> 'file_path' is not null`)
  await client.query(
    // An infected file counts as removed, not as missing.
    `update document_versions set bytes_state = case scan_status when 'infected' then 'removed' else 'missing' end
     where id = any ($1::uuid[])`,
    [withoutBytes],
  )
  // Only files of versions are restored. What purges had left on S3 is neither restored nor destroyed: its rows still
  // name the old bucket.
  await client.query(`delete from document_blobs where disposal_id is null`)
  await client.query(
    `update document_blobs set store_id = $1::uuid where store = 's3' and store_id is null and state <> 'destroyed'`,
    [oldBucket],
  )
  await client.query(`
    insert into document_blobs (firm_id, document_id, version_id, store, store_id, storage_key, state, bytes, is_platforms)
    select firm_id, document_id, id, store, store_id, storage_key, 'live', file_size, is_platforms
    from document_versions where bytes_state <> 'removed'`)
}

/**
 * An upload or a move may have been committed after the snapshot, and its blob may be the only copy. Without its row nothing
 * removes it: it is an orphan.
 */
export async function deleteIncoming(client: Client): Promise<void> {
  await client.query(`delete from document_blobs where state = 'incoming' and source_key is null`)
}

async function rename(client: Client, renamed: Renamed[]): Promise<void> {
  await client.query(`
    create temporary table renamed (store text, store_id uuid, key text, new_key text, path text, new_path text) on commit drop`)
  await client.query(
    `insert into renamed
     select store, store_id, key, new_key, prefix || key, prefix || new_key
     from json_to_recordset($1::json) as r (store text, store_id uuid, key text, new_key text),
       lateral (select case store when 's3' then '' else 'uploads/' end as prefix) p`,
    [
      JSON.stringify(
        renamed.map(({ store, storeId, key, newKey }) => ({ store, store_id: storeId, key, new_key: newKey })),
      ),
    ],
  )
  await client.query(`
    update document_versions v set storage_key = r.new_key from renamed r
    where v.store = r.store and v.store_id is not distinct from r.store_id and v.storage_key = r.key`)
  await client.query('update firm_documents f set file_path = r.new_path from renamed r where f.file_path = r.path')
  await client.query(`
    update documents d set trashed_row = trashed_row || jsonb_build_object('file_path', r.new_path) from renamed r
    where d.trashed_row ->> 'file_path' = r.path`)
}
