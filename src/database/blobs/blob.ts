import { type RawBuilder, sql } from 'kysely'

import { type BlobId, type ProcessId, uploadExpiry } from '../../vocabulary/vocabulary.ts'
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

/** SQL: the row of a resumable upload that has ended is of use until then. */
export const endedUploadExpiry = sql`least(expires_at, now() + make_interval(hours => ${sql.lit(uploadExpiry.hoursOfResult)}))`
