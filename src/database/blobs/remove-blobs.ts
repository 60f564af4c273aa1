import { randomUUID } from 'node:crypto'

import { type RawBuilder, sql } from 'kysely'

import type {
  BlobId,
  DocumentId,
  FirmId,
  ProcessId,
  QuarantineKey,
  StorageKey,
  StoreId,
  StoreName,
} from '../../vocabulary/vocabulary.ts'
import { isBackupRunning } from '../backup/running-backups.ts'
import type { Db } from '../connection/client.ts'
import { inTransaction } from '../connection/in-transaction.ts'
import { claimedBy, isClaimExpired, isInStore, isNamedByVersion, unclaimed, type StoreRef } from './blob.ts'

/**
 * SQL: the reason why leaving blob `b` cannot be removed; null if it can. The source of a move stays while the version's
 * bytes are missing or corrupt, since it may be the last good copy. Infected blobs do not wait for a backup, nor do blobs of
 * failed uploads, which no backup has a row of.
 */
const removalBlocker = sql<RemovalBlocker | null>`case
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

/** A leaving blob that this process has claimed. No other process removes it until the result is recorded. */
export type Removal = {
  id: BlobId
  firmId: FirmId | null
  key: StorageKey | QuarantineKey
  multipartId: string | null
}

export type ClaimedRemovals = {
  claimId: string
  removals: Removal[]
  /** Blobs that must stay for now. */
  postponed: (Removal & { blocker: RemovalBlocker })[]
}

/**
 * The blobs to remove: leaving blobs that are due; these leaving blobs, due or not; or, with `purged`, all blobs of purged
 * documents that are not destroyed yet, including hidden ones.
 */
export type RemovalScope =
  | { dueAt: Date }
  | { ids: BlobId[] }
  | { purged: true; documentIds: DocumentId[] | undefined; after: BlobId | undefined }

/**
 * Claims a batch of blobs in one store for removal, oldest first, and postpones those that must stay. A legal hold that is
 * set at the same time is either seen here, or waits until the claims made before it have their results.
 */
export async function claimRemovals(
  db: Db,
  processId: ProcessId,
  where: StoreRef,
  { scope, now, limit }: { scope: RemovalScope; now: Date; limit: number },
): Promise<ClaimedRemovals> {
  const claimId = randomUUID()
  const found = await inTransaction(db, async (trx) => {
    const { rows: due } = await sql<{ id: BlobId; firmId: FirmId | null }>`
      select b.id, b.firm_id as "firmId" from document_blobs b
      where ${isIn(scope)} and ${isInStore(where)} and ${isClaimExpired}
      order by ${'dueAt' in scope ? sql`b.due_at` : sql`b.id`} limit ${limit} for update skip locked`.execute(trx)
    if (due.length === 0) return []
    // A separate statement: the next one sees the holds that were set during the lock wait.
    const firms = [...new Set(due.flatMap(({ firmId }) => firmId ?? []))].toSorted()
    await sql`select pg_advisory_xact_lock_shared(hashtextextended('hold:' || f, 0)) from unnest(${firms}::text[]) f`.execute(
      trx,
    )
    const { rows } = await sql<Removal & { blocker: RemovalBlocker | null }>`
      with judged as (
        select b.id, ${removalBlocker} as blocker from document_blobs b where b.id = any (${due.map(({ id }) => id)}::uuid[])
      ),
      postponed as (
        update document_blobs b set due_at = ${now}::timestamptz + case j.blocker when 'backup_runs' then interval '1 hour' else interval '1 day' end
        from judged j where b.id = j.id and j.blocker is not null and b.state = 'leaving' and b.due_at is not null
      ),
      claimed as (
        update document_blobs b set ${claimedBy(processId, claimId)} from judged j where b.id = j.id and j.blocker is null
      )
      select b.id, b.firm_id as "firmId", b.storage_key as key, b.multipart_id as "multipartId", j.blocker
      from judged j join document_blobs b on b.id = j.id order by b.id`.execute(trx)
    return rows
  })
  return {
    claimId,
    removals: found.filter(({ blocker }) => blocker === null),
    postponed: found.flatMap(({ blocker, ...removal }) => (blocker === null ? [] : [{ ...removal, blocker }])),
  }
}

function isIn(scope: RemovalScope): RawBuilder<boolean> {
  if ('dueAt' in scope) return sql`b.state = 'leaving' and b.due_at <= ${scope.dueAt}`
  if ('ids' in scope) return sql`b.state = 'leaving' and b.id = any (${scope.ids}::uuid[])`
  return sql`b.disposal_id is not null and b.state in ('leaving', 'hidden')
    and (${scope.after ?? null}::uuid is null or b.id > ${scope.after ?? null}::uuid)
    ${scope.documentIds === undefined ? sql`` : sql`and b.document_id = any (${scope.documentIds}::uuid[])`}`
}

/**
 * `destroyedBy`: the day on which the bucket's lifecycle destroys it, if known. `failed`: it is tried again in an
 * hour.
 */
export type RemovalOutcome = { id: BlobId } & (
  | { outcome: 'destroyed' | 'failed' }
  | { outcome: 'hidden'; destroyedBy: string | undefined }
)

/** Records the results of claimed blobs. Deletes the rows of destroyed ones, unless a disposal record refers to them. */
export async function recordRemovals(
  db: Db,
  { claimId, now }: { claimId: string; now: Date },
  outcomes: RemovalOutcome[],
): Promise<void> {
  if (outcomes.length === 0) return
  const destroyedBy = outcomes.map((each) => (each.outcome === 'hidden' ? (each.destroyedBy ?? null) : null))
  await sql`
    with settled as (
      select b.id, o.outcome, o.destroyed_by, o.outcome = 'destroyed' and b.disposal_id is null as is_forgotten
      from unnest(${outcomes.map(({ id }) => id)}::uuid[], ${outcomes.map(({ outcome }) => outcome)}::text[],
        ${destroyedBy}::date[]) as o (id, outcome, destroyed_by)
      join document_blobs b on b.id = o.id and b.claim_id = ${claimId}
      order by b.id for update of b
    ),
    -- A concurrent purge keeps the row for its disposal record; the removal is then done once more.
    forgotten as (delete from document_blobs b using settled s where b.id = s.id and s.is_forgotten and b.disposal_id is null)
    update document_blobs b set ${unclaimed},
      state = case s.outcome when 'failed' then b.state else s.outcome end,
      due_at = case when s.outcome = 'failed' and b.due_at is not null then ${now}::timestamptz + interval '1 hour' end,
      changed_at = case s.outcome when 'failed' then b.changed_at else ${now}::timestamptz end,
      multipart_id = case s.outcome when 'failed' then b.multipart_id end,
      destroyed_by = coalesce(b.destroyed_by, s.destroyed_by)
    from settled s where b.id = s.id and not s.is_forgotten`.execute(db)
}

/**
 * A system task: deletes the rows of hidden blobs that the bucket's lifecycle has destroyed by now, except those of
 * disposal records.
 */
export async function deleteExpiredHidden(db: Db, day: Date): Promise<void> {
  await sql`
    delete from document_blobs
    where state = 'hidden' and disposal_id is null and destroyed_by < (${day}::timestamptz at time zone 'UTC')::date`.execute(
    db,
  )
}

/** Whether a process is now removing blobs of this firm's purged documents. */
export async function isRemovingBlobsOf(db: Db, firmId: FirmId): Promise<boolean> {
  const { rows } = await sql`
    select from document_blobs b
    where b.firm_id = ${firmId} and b.disposal_id is not null and b.claim_id is not null
      and not document_process_is_dead(b.claimed_by) limit 1`.execute(db)
  return rows.length > 0
}

/** Makes the retained sources of moves in a store due, of one firm or of all. Returns their number. */
export async function makeRetainedSourcesDue(
  db: Db,
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  { firmId, dueAt }: { firmId: FirmId | undefined; dueAt: Date },
): Promise<number> {
  const { numAffectedRows } = await sql`
    update document_blobs set due_at = ${dueAt}
    where state = 'leaving' and due_at is null and store = ${store} and store_id is not distinct from ${storeId}::uuid
      ${firmId === undefined ? sql`` : sql`and firm_id = ${firmId}`}`.execute(db)
  return Number(numAffectedRows)
}
