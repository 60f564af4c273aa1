import { sql } from 'kysely'

import type {
  BlobId,
  DocumentId,
  FirmId,
  ProcessId,
  Sha256,
  StorageKey,
  StoreId,
  VersionId,
} from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { EventActor } from '../audit/events.ts'
import { lockRows } from '../documents/documents.ts'
import { isAtLocation, type BlobLocation, platformPath } from '../documents/versions-in-store.ts'
import { type Claim, claimedBy, claimSeconds, isClaimExpired, leaving } from './blob.ts'

/** A move that this process has claimed. A row names its target, and no other process moves this version. */
export type ClaimedMove = Claim & {
  firmId: FirmId
  documentId: DocumentId
  versionId: VersionId
  from: BlobLocation
  to: BlobLocation
  /** A multipart upload that a dead process left open under the target's key. */
  abandonedMultipartId: string | null
  /** Whether another process began it and died. */
  isResumed: boolean
}

type MoveClaim = Pick<ClaimedMove, 'firmId' | 'documentId' | 'versionId' | 'from'> & {
  bytes: number
  /** The target, with a fresh key. The target of a dead process in the same store is used instead. */
  to: BlobLocation
}

type ClaimRow = { id: BlobId; claimId: string; toKey: StorageKey; multipartId: string | null; isResumed: boolean }

/**
 * Claims the move of one version: inserts the target's row before its first byte is written, or resumes the move of a dead
 * process. Undefined if a live process moves the version, its blob is not at `from` any more, or it is infected.
 */
export async function claimMove(db: Db, processId: ProcessId, claim: MoveClaim): Promise<ClaimedMove | undefined> {
  return (
    (await tryToClaim(db, processId, claim)) ??
    ((await abandonDeadMove(db, claim)) ? tryToClaim(db, processId, claim) : undefined)
  )
}

async function tryToClaim(
  db: Db,
  processId: ProcessId,
  { firmId, documentId, versionId, from, to, bytes }: MoveClaim,
): Promise<ClaimedMove | undefined> {
  const { rows } = await sql<ClaimRow>`
    with document as materialized (
      -- A purge takes this lock too. It sees the claim, or leaves nothing to claim.
      select pg_advisory_xact_lock(hashtextextended('document:' || ${documentId}::uuid, 0))
    ),
    source as materialized (
      -- FOR UPDATE reads the row as it is after a lock wait.
      select v.firm_id, v.document_id, v.id, s.id as source_id
      from document_versions v, document_blobs s, document
      where v.firm_id = ${firmId} and v.document_id = ${documentId} and v.id = ${versionId} and ${isAtLocation(from, 'v.')}
        and v.bytes_state <> 'removed' and v.scan_status <> 'infected'
        and s.document_id = v.document_id and s.version_id = v.id and s.state = 'live' and ${isAtLocation(from, 's.')}
      for update of v, s
    )
    insert into document_blobs as b (firm_id, document_id, version_id, store, store_id, storage_key, state, bytes, source_id,
      claim_id, claimed_by, claimed_until)
    select firm_id, document_id, id, ${to.store}::text, ${to.storeId}::uuid, ${to.key}::text, 'incoming', ${bytes}::bigint,
      source_id, gen_random_uuid(), ${processId}::uuid, now() + make_interval(secs => ${claimSeconds})
    from source
    on conflict (version_id) where state = 'incoming' do update set ${claimedBy(processId, sql`gen_random_uuid()`)}
    where ${isClaimExpired} and b.source_id = excluded.source_id and b.store = excluded.store
      and b.store_id is not distinct from excluded.store_id and b.source_key is null
    returning id, claim_id as "claimId", storage_key as "toKey", multipart_id as "multipartId",
      created_at < now() as "isResumed"`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const { id, claimId, toKey, multipartId: abandonedMultipartId, isResumed } = row
  return {
    id,
    claimId,
    firmId,
    documentId,
    versionId,
    from,
    to: { ...to, key: toKey },
    abandonedMultipartId,
    isResumed,
  }
}

/**
 * Abandons the move of a dead process that this claim cannot resume: its partial copy leaves. False if there was none.
 */
async function abandonDeadMove(db: Db, { versionId, documentId, to }: MoveClaim): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_blobs b set ${leaving(sql`now() + interval '1 day'`)}
    where b.document_id = ${documentId} and b.version_id = ${versionId} and b.state = 'incoming' and b.source_id is not null
      and b.source_key is null and ${isClaimExpired}
      and (b.store <> ${to.store} or b.store_id is distinct from ${to.storeId}::uuid
        or not exists (select from document_blobs s where s.id = b.source_id and s.state = 'live'))`.execute(db)
  return (numAffectedRows ?? 0n) > 0n
}

/** Extends the claim. False if another process has taken it over. */
export async function renewClaim(db: Db, claim: Claim): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_blobs set claimed_until = now() + make_interval(secs => ${claimSeconds})
    where ${isOurs(claim)}`.execute(db)
  return numAffectedRows === 1n
}

/** Leaves the move to the next process. The target's row stays, and the next process uses it. */
export async function releaseMove(db: Db, claim: Claim): Promise<void> {
  await sql`update document_blobs set claimed_until = now() - interval '1 second' where ${isOurs(claim)}`.execute(db)
}

/** Abandons a move: the partial copy at its target leaves. */
export async function abandonMove(db: Db, claim: Claim, dueAt: Date): Promise<void> {
  await sql`update document_blobs set ${leaving(dueAt)} where ${isOurs(claim)}`.execute(db)
}

/**
 * Gives a move another target key, because the first one had other content, which leaves. Undefined if another process has
 * taken the claim over.
 */
export async function retargetMove(
  db: Db,
  processId: ProcessId,
  move: ClaimedMove,
  { key, dueAt }: { key: StorageKey; dueAt: Date },
): Promise<ClaimedMove | undefined> {
  const { rows } = await sql<Claim>`
    with wrong as (
      update document_blobs set ${leaving(dueAt)} where ${isOurs(move)}
      returning firm_id, document_id, version_id, bytes, source_id
    )
    insert into document_blobs (firm_id, document_id, version_id, store, store_id, storage_key, state, bytes, source_id,
      claim_id, claimed_by, claimed_until)
    select firm_id, document_id, version_id, ${move.to.store}::text, ${move.to.storeId}::uuid, ${key}::text, 'incoming', bytes,
      source_id, gen_random_uuid(), ${processId}::uuid, now() + make_interval(secs => ${claimSeconds})
    from wrong
    returning id, claim_id as "claimId"`.execute(db)
  const [claim] = rows
  return claim && { ...move, ...claim, to: { ...move.to, key }, abandonedMultipartId: null }
}

const isOurs = ({ id, claimId }: Claim) => sql<boolean>`id = ${id} and claim_id = ${claimId} and state = 'incoming'`

export type MoveCommit = {
  sha256: Sha256
  etag: string | undefined
  objectVersionId: string | undefined
  /** The local store that the source was read from. Rows of the platform do not name it. */
  sourceStoreId: StoreId | null
  /** When the source may be removed; null: it is retained on purpose. */
  sourceDueAt: Date | null
  /** When the target may be removed, if the version is not at its source any more. */
  targetDueAt: Date
}

export type MoveOutcome = 'committed' | 'version_changed' | 'taken_over'

/**
 * Switches the version to the target: the source leaves, the platform's row names the target if it named the source, and the
 * event is written. `taken_over`: another process has the claim. `version_changed`: the version was moved, removed or found
 * infected meanwhile, and the target leaves.
 */
export async function commitMove(
  trx: Tx,
  actor: EventActor,
  move: ClaimedMove,
  commit: MoveCommit,
): Promise<MoveOutcome> {
  const { from, to } = move
  // A separate statement: a concurrent transaction may be inserting the platform's row, and a statement that began before its
  // commit would not see that row.
  await lockRows(trx, move)
  const { rows } = await sql<{ isClaimed: boolean; isCommitted: boolean }>`
    with claimed as materialized (
      select id, firm_id, version_id, source_id from document_blobs where ${isOurs(move)} for update
    ),
    committed as (
      update document_versions v set store = ${to.store}, store_id = ${to.storeId}::uuid, storage_key = ${to.key},
        is_fallback = false, etag = ${commit.etag ?? null}, object_version_id = ${commit.objectVersionId ?? null},
        sha256 = ${commit.sha256}, bytes_state = case when v.sha256 is null then v.bytes_state else 'present' end
      from claimed c
      where v.firm_id = c.firm_id and v.id = c.version_id and ${isAtLocation(from, 'v.')} and v.bytes_state <> 'removed'
        and v.scan_status <> 'infected' and coalesce(v.sha256, ${commit.sha256}) = ${commit.sha256}
      returning v.firm_id, v.document_id, v.version
    ),
    target as (
      update document_blobs b set state = case when exists (select from committed) then 'live' else 'leaving' end,
        due_at = case when exists (select from committed) then null else ${commit.targetDueAt}::timestamptz end,
        source_id = null, multipart_id = null, claim_id = null, claimed_by = null, claimed_until = null, changed_at = now()
      from claimed c where b.id = c.id
    ),
    source as (
      update document_blobs b set ${leaving(commit.sourceDueAt)}, store_id = ${commit.sourceStoreId}::uuid
      from claimed c where b.id = c.source_id and b.state = 'live' and exists (select from committed)
    ),
    platform_row as (
      update firm_documents f set file_path = ${platformPath(to)}, updated_at = now()
      from committed v where f.firm_id = v.firm_id and f.id = v.document_id and f.file_path = ${platformPath(from)}
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
      select 'document.moved', 'ok', firm_id, document_id, version, ${actor.userId}::uuid, ${actor.ip},
        ${actor.userAgent}, ${actor.requestId}, ${JSON.stringify({ from: from.store, to: to.store })}::jsonb
      from committed
    )
    select exists (select from claimed) as "isClaimed", exists (select from committed) as "isCommitted"`.execute(trx)
  const [row] = rows
  if (row?.isCommitted === true) return 'committed'
  return row?.isClaimed === true ? 'version_changed' : 'taken_over'
}
