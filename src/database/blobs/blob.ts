import { type RawBuilder, sql } from 'kysely'

import type { BlobId, ProcessId } from '../../vocabulary/vocabulary.ts'
import { isBackupRunning } from '../backup/running-backups.ts'
import type { BlobLocation } from '../documents/versions-in-store.ts'

/**
 * - `incoming`: being written, or its writer died.
 * - `live`: the content of a version.
 * - `leaving`: removed when due. Without a due time it is retained on purpose, as the sources of a migration.
 * - `quarantined`: set aside in its store and never served.
 * - `hidden`: removed, but a versioned bucket still has it.
 * - `destroyed`: gone. The row stays only if a disposal record refers to it.
 */
export type BlobState = 'incoming' | 'live' | 'leaving' | 'quarantined' | 'hidden' | 'destroyed'

/** One store: S3, or one local disk. */
export type StoreRef = Pick<BlobLocation, 'store' | 'storeId'>

/** The exclusive right of a process to write, copy or remove one blob. */
export type Claim = { id: BlobId; claimId: string }

/** The claim of a process that hangs expires after this time. The claims of a dead process end with it. */
export const claimSeconds = 60

/** SQL: whether the claim on blob `b` is over: its process died or did not renew it. */
export const isClaimExpired = sql<boolean>`(b.claimed_by is null or b.claimed_until < now() or document_process_is_dead(b.claimed_by))`

/** SQL: assignments that claim a blob for this process. */
export const claimedBy = (processId: ProcessId, claimId: string | RawBuilder<string>) => sql`
  claim_id = ${claimId}, claimed_by = ${processId}::uuid, claimed_until = now() + make_interval(secs => ${claimSeconds})`

/** SQL: assignments that end a claim. */
export const unclaimed = sql`claim_id = null, claimed_by = null, claimed_until = null`

/**
 * SQL: assignments that make a blob leave and end its reservation and its claim. `dueAt` null: it is retained on
 * purpose.
 */
export const leaving = (dueAt: Date | null | RawBuilder<Date | null>) => sql`
  state = 'leaving', due_at = (${dueAt})::timestamptz, reserved_bytes = 0, reserved_documents = 0, reserved_under = null,
  changed_at = now(), ${unclaimed}`

/** SQL: whether blob `b` is in this store. */
export const isInStore = ({ store, storeId }: StoreRef) => sql<boolean>`
  (b.store = ${store} and b.store_id is not distinct from ${storeId}::uuid)`

type LocationColumns = Record<keyof BlobLocation, RawBuilder<unknown>>

/**
 * SQL: whether a version, or a row of the platform that may not be a version here yet, names this location. Rows of the
 * platform have no store id, so they name the file of this key in every local store.
 */
export const isNamedByVersion = ({ store, storeId, key }: LocationColumns) => sql<boolean>`(
  exists (select from document_versions v where v.storage_key = ${key} and v.store = ${store}
            and (v.store_id is null or ${storeId} is null or v.store_id = ${storeId}) and v.bytes_state <> 'removed')
  or exists (select from firm_documents f where f.file_path = case ${store} when 's3' then '' else 'uploads/' end || ${key}))`

/**
 * SQL: the reason why leaving blob `b` cannot be removed; null if it can. The source of a move stays while the version's
 * bytes are missing or corrupt, since it may be the last good copy. Infected blobs do not wait for a backup, nor do blobs of
 * failed uploads, which no backup has a row of.
 */
export const removalBlocker = sql<RemovalBlocker | null>`case
  when b.disposal_id is not null
    and exists (select from document_holds h where h.firm_id = b.firm_id and h.document_id is null) then 'held'
  when ${isNamedByVersion({ store: sql`b.store`, storeId: sql`b.store_id`, key: sql`b.storage_key` })}
    or exists (select from document_blobs o where o.storage_key = b.storage_key and o.store = b.store and o.id <> b.id
                 and o.state in ('incoming', 'live') and (o.store_id is null or o.store_id = b.store_id))
    or exists (select from document_versions v where v.firm_id = b.firm_id and v.id = b.version_id
                 and v.bytes_state in ('missing', 'wrong')) then 'still_named'
  when ${isBackupRunning} and (b.disposal_id is not null or exists (select from document_versions v
    where v.firm_id = b.firm_id and v.id = b.version_id and v.scan_status <> 'infected')) then 'backup_runs'
  end`

/**
 * - `held`: the firm has a legal hold.
 * - `still_named`: a version or a row of the platform needs the blob.
 * - `backup_runs`: the rows of a running backup may name the blob.
 */
export type RemovalBlocker = 'held' | 'still_named' | 'backup_runs'
