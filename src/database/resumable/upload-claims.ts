import { sql } from 'kysely'

import {
  type ApiKeyId,
  type BlobId,
  type DocumentId,
  type FirmId,
  type ProcessId,
  type StorageKey,
  uploadExpiry,
  type UploadId,
} from '../../vocabulary/vocabulary.ts'
import { claimedBy, claimSeconds, isClaimExpired, leaving, unclaimed } from '../blobs/blob.ts'
import type { Db, Tx } from '../connection/client.ts'

/** The exclusive right of a request to an upload: the claim of its blob. */
export type UploadClaim = { uploadId: UploadId; blobId: BlobId; claimId: string }

/** False while another request has the claim, or after the upload's end. */
export async function claimUpload(
  db: Db,
  processId: ProcessId,
  { uploadId, blobId, claimId }: UploadClaim,
): Promise<boolean> {
  const { rows } = await sql`
    with claimed as (
      update document_blobs b set ${claimedBy(processId, claimId)}
      where b.id = ${blobId} and b.state = 'incoming' and ${isClaimExpired} returning b.id
    )
    update document_uploads u set wanted_by = null from claimed
    where u.id = ${uploadId} and u.blob_id = claimed.id and u.failure is null returning u.id`.execute(db)
  return rows.length > 0
}

/** Asks the request that has the claim to end. */
export async function wantUpload(db: Db, { uploadId, claimId }: UploadClaim): Promise<void> {
  await sql`update document_uploads set wanted_by = ${claimId} where id = ${uploadId}`.execute(db)
}

/** Renews a claim. `wanted`: a newer request waits for it. */
export async function renewClaim(
  db: Db,
  { uploadId, blobId, claimId }: UploadClaim,
): Promise<'kept' | 'wanted' | 'lost'> {
  const { rows } = await sql<{ isWanted: boolean }>`
    update document_blobs b set claimed_until = now() + make_interval(secs => ${claimSeconds})
    from document_uploads u
    where b.id = ${blobId} and b.claim_id = ${claimId} and u.id = ${uploadId}
    returning u.wanted_by is not null as "isWanted"`.execute(db)
  const [row] = rows
  if (row === undefined) return 'lost'
  return row.isWanted ? 'wanted' : 'kept'
}

export async function releaseClaim(db: Db, { blobId, claimId }: UploadClaim): Promise<void> {
  await sql`update document_blobs set ${unclaimed} where id = ${blobId} and claim_id = ${claimId}`.execute(db)
}

export type UploadProgress = {
  bytes: number
  parts: readonly { number: number; etag: string; bytes: number }[]
  rest: { key: StorageKey; bytes: number } | null
  /** The API key that sent them, if any. */
  apiKeyId: ApiKeyId | undefined
}

/** Records durable bytes. Returns the earlier rest, which may be removed now, if any. False if the claim is lost. */
export async function recordProgress(
  db: Db,
  { uploadId, blobId, claimId }: UploadClaim,
  { bytes, parts, rest, apiKeyId }: UploadProgress,
): Promise<BlobId[] | false> {
  const { rows } = await sql<{ oldRest: BlobId | null }>`
    with mine as materialized (
      select b.id from document_blobs b
      where b.id = ${blobId} and b.claim_id = ${claimId} and b.state = 'incoming' for update
    ),
    before as materialized (
      select u.id, u.rest_blob_id from document_uploads u join mine on mine.id = u.blob_id where u.id = ${uploadId}
      for update of u
    ),
    changed as (
      update document_uploads u set received_bytes = ${bytes}, parts = ${JSON.stringify(parts)}::jsonb,
        rest_bytes = ${rest?.bytes ?? 0}, api_key_id = ${apiKeyId ?? null}::uuid,
        expires_at = case when u.total_bytes = ${bytes} and u.expires_at > now()
          then now() + make_interval(days => ${uploadExpiry.daysComplete}) else u.expires_at end,
        rest_blob_id = (select r.id from document_blobs r
          where r.storage_key = ${rest?.key ?? null} and r.store = 's3' and r.state = 'incoming')
      from before where u.id = before.id
      returning u.id, u.rest_blob_id, before.rest_blob_id as old_rest
    ),
    old as (
      update document_blobs b set ${leaving(sql`now()`)} from changed
      where b.id = changed.old_rest and b.state = 'incoming' and changed.old_rest is distinct from changed.rest_blob_id
      returning b.id
    )
    select old.id as "oldRest" from changed left join old on true`.execute(db)
  return rows.length > 0 && rows.flatMap(({ oldRest }) => oldRest ?? [])
}

type NewRest = { id: BlobId; firmId: FirmId; documentId: DocumentId; key: StorageKey }

/**
 * Inserts the row of a rest before its bytes are written. Until an upload names it, it counts as left behind. Its
 * claim is short: a document with a claimed blob is not purged, and the answer of the upload may have been lost.
 */
export async function insertRest(db: Db, processId: ProcessId, rest: NewRest): Promise<void> {
  await sql`
    insert into document_blobs (id, firm_id, document_id, store, storage_key, state, claimed_by, claimed_until)
    values (${rest.id}, ${rest.firmId}, ${rest.documentId}, 's3', ${rest.key}, 'incoming', ${processId}::uuid,
      now() + make_interval(secs => ${claimSeconds}))`.execute(db)
}

/** Ends an upload: its blobs are removed from now on, and its reservation ends. Returns the ids of the blobs. */
export async function deleteUpload(db: Db | Tx, { uploadId, claimId }: UploadClaim): Promise<BlobId[]> {
  const { rows } = await sql<{ id: BlobId }>`
    with mine as materialized (
      select u.id, u.blob_id, u.rest_blob_id from document_uploads u
      join document_blobs b on b.id = u.blob_id and b.claim_id = ${claimId} and b.state = 'incoming'
      where u.id = ${uploadId} for update of b
    ),
    deleted as (delete from document_uploads u using mine where u.id = mine.id)
    update document_blobs b set ${leaving(sql`now()`)} from mine
    where b.id in (mine.blob_id, mine.rest_blob_id) and b.state = 'incoming' returning b.id`.execute(db)
  return rows.map(({ id }) => id)
}

/**
 * A system task: deletes expired uploads. The blobs of unfinished ones are due now. Returns their number. Like every
 * statement here it locks blobs before uploads.
 */
export async function expireUploads(db: Db, now: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with expired as materialized (
      select id, blob_id, rest_blob_id from document_uploads where expires_at <= ${now}
    ),
    locked as materialized (
      select b.id, b.state from document_blobs b
      where b.id = any (array(select blob_id from expired union all select rest_blob_id from expired))
      order by b.id for update
    ),
    ended as (
      update document_blobs b set ${leaving(sql`${now}::timestamptz`)} from locked
      where b.id = locked.id and locked.state = 'incoming' returning b.version_id
    ),
    deleted as (
      delete from document_uploads u using expired
      where u.id = expired.id and (select count(*) from locked) >= 0
    )
    select count(version_id)::int as count from ended`.execute(db)
  return rows[0]?.count ?? 0
}
