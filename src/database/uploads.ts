import { type RawBuilder, sql } from 'kysely'

import type { FirmId, StorageKey, UploadId, UserId } from '../vocabulary.ts'
import { isBackupRunning } from './backup/running-backups.ts'
import type { Db, Tx } from './client.ts'
import { type Place, platformPath } from './places.ts'
import type { Growth, Quota, Room } from './quotas.ts'

export type OpenUpload = Place & {
  id: UploadId
  firmId: FirmId
  uploadedBy: UserId
  /** What it adds to the firm at most. */
  growth: Growth
}

/** `refused`: which bound of the firm's has no room for it; null: it is open. */
type Opening = Room & { refused: 'bytes' | 'documents' | null }

/**
 * Names the bytes before the first of them is stored, so that whatever happens somebody can find them; and reserves room
 * for them, so that of any number at once no more are let in than the firm may keep. One statement.
 */
export async function openUpload(db: Db | Tx, upload: OpenUpload, usualQuota: Quota): Promise<Opening> {
  const { refused, ...room } = await askForRoom(db, upload, { usualQuota, isAlone: false })
  if (refused !== 'again') return { refused, ...room }
  return (await askForRoom(db, upload, { usualQuota, isAlone: true })) as Opening // who is alone is not told to ask again
}

type Asking = { usualQuota: Quota; isAlone: boolean }

async function askForRoom(
  db: Db | Tx,
  upload: OpenUpload,
  { usualQuota, isAlone }: Asking,
): Promise<Room & { refused: Opening['refused'] | 'again' }> {
  const { growth } = upload
  const { rows } = await sql<Room & { refused: Opening['refused'] | 'again' }>`
    with room as (
      select * from document_find_room(${upload.firmId}, ${growth.bytes}::bigint, ${growth.documents}::int,
        ${usualQuota.bytes ?? null}::bigint, ${usualQuota.documents ?? null}::bigint, ${isAlone}::boolean)
    ),
    opened as (
      insert into document_uploads (id, firm_id, store, store_id, storage_key, uploaded_by, reserved_bytes, reserved_documents)
      select ${upload.id}::uuid, ${upload.firmId}::uuid, ${upload.store}::text, ${upload.storeId}::uuid, ${upload.key}::text,
        ${upload.uploadedBy}::uuid, ${growth.bytes}::bigint, ${growth.documents}::int
      from room where refused is null
    )
    select refused, used_bytes::float8 as "usedBytes", used_documents::float8 as "usedDocuments",
      most_bytes::float8 as "mostBytes", most_documents::float8 as "mostDocuments" from room`.execute(db)
  const [opening] = rows
  if (opening === undefined) throw new Error('the database did not say whether an upload is open')
  return opening
}

/** What it may have left stays named, but becomes no version any more, and so takes no room in the firm. */
export async function giveRoomBack(db: Db, id: UploadId): Promise<void> {
  await sql`update document_uploads set reserved_bytes = 0, reserved_documents = 0 where id = ${id}`.execute(db)
}

/** A system task: the same for uploads that began before a time, also where nobody has the disk any more that could end them. */
export async function giveRoomOfStaleBack(db: Db, before: Date): Promise<void> {
  await sql`
    update document_uploads set reserved_bytes = 0, reserved_documents = 0
    where started_at < ${before} and (reserved_bytes > 0 or reserved_documents > 0)`.execute(db)
}

/** Forgets an open upload: because its version stands (in that transaction), or because its bytes are gone. False when it was not there. */
export async function closeUpload(db: Db | Tx, id: UploadId): Promise<boolean> {
  const result = await db.deleteFrom('document_uploads').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows === 1n
}

/**
 * Forgets an upload whose bytes were removed. False while a multipart upload of it may still be open in the store: then
 * the row stays, since nothing else names that upload.
 */
export async function closeRemovedUpload(db: Db, id: UploadId): Promise<boolean> {
  const closed = await db
    .deleteFrom('document_uploads')
    .where('id', '=', id)
    .where('multipart_id', 'is', null)
    .executeTakeFirst()
  return closed.numDeletedRows === 1n
}

/** For stores: the multipart upload that a key's bytes travel in, on their way in or in a move; the service's own rights may not list them. */
export async function noteMultipart(db: Db, key: StorageKey, multipartId: string): Promise<void> {
  await sql`
    with upload as (update document_uploads set multipart_id = ${multipartId} where storage_key = ${key})
    update document_moves set multipart_id = ${multipartId} where to_key = ${key}`.execute(db)
}

/** Nothing of it is left to abort. One that was noted since, by whoever took a move over, stays noted. */
export async function forgetMultipart(db: Db, key: StorageKey, multipartId: string): Promise<void> {
  await sql`
    with upload as (
      update document_uploads set multipart_id = null where storage_key = ${key} and multipart_id = ${multipartId}
    )
    update document_moves set multipart_id = null where to_key = ${key} and multipart_id = ${multipartId}`.execute(db)
}

/**
 * A system task's question: does a version, an open move or an open upload other than `except` name these bytes? A row of
 * the platform names no disk, and so the file of this name on every one. The source of a move whose target was found
 * missing or wrong counts as named: it may be the last right copy. The platform's rows are asked too: one may not be a
 * version here yet.
 */
export async function findNamers(trx: Tx, place: Place, except: UploadId | null): Promise<Namers> {
  const { rows } = await sql<Namers>`
    select exists (select from document_versions where storage_key = ${place.key} and store = ${place.store}
                     and (store_id is null or store_id = ${place.storeId}::uuid) and bytes_state <> 'removed')
        or exists (select from firm_documents where file_path = ${platformPath(place)})
        or exists (select from document_moves where ${place.key} in (from_key, to_key))
        or exists (select from document_uploads where storage_key = ${place.key} and id is distinct from ${except}::uuid)
        or exists (select from document_removals r join document_versions v on v.firm_id = r.firm_id and v.id = r.version_id
                   where r.storage_key = ${place.key} and r.store = ${place.store} and v.bytes_state in ('missing', 'wrong'))
        as "isNamed",
      ${isBackupRunning} as "isBackupRunning"`.execute(trx)
  return rows[0] ?? { isNamed: true, isBackupRunning: true }
}

type Namers = { isNamed: boolean; isBackupRunning: boolean }

/** Held until the transaction ends by whoever removes these bytes or makes a row point at them. */
export async function lockPlace(trx: Tx, place: Place): Promise<void> {
  await sql`select ${placeLock(place)}`.execute(trx)
}

/** SQL: the same lock, for a statement that does all its work at once. */
export function placeLock({ store, storeId, key }: Place): RawBuilder<unknown> {
  return sql`pg_advisory_xact_lock(hashtextextended(${`${store}:${storeId ?? ''}:${key}`}, 0))`
}
