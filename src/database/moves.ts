import { type RawBuilder, sql } from 'kysely'

import type { FirmId, Sha256, StorageKey, StoreId, VersionId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import type { EventActor } from './events.ts'
import { liesAt, platformPath } from './places.ts'
import { type Place, placeLock } from './uploads.ts'

/** A move that was claimed: nobody else moves this version until its lease ends. */
export type OpenMove = {
  id: string
  leaseToken: string
  firmId: FirmId
  versionId: VersionId
  from: Place
  to: Place
  /** An upload in parts that a dead mover left open under the target's key. */
  deadMultipartId: string | null
}

export type MoveClaim = {
  firmId: FirmId
  versionId: VersionId
  from: Place
  /** Where to, under a fresh key. Who takes over a dead mover's intent gets that one's key instead. */
  to: Place
}

/** How long a mover that is not heard of keeps its claim. */
export const leaseSeconds = 60
const lease = sql`make_interval(secs => ${leaseSeconds})`

type ClaimRow = { id: string; leaseToken: string; toKey: StorageKey; multipartId: string | null }

/**
 * Claims the move of one version: names the target before a byte of it is written, or takes over the intent of a mover
 * that died. Undefined when another one is at it, or the version's bytes are not at `from` any more.
 */
export async function claimMove(db: Db, claim: MoveClaim): Promise<OpenMove | undefined> {
  const claimed = await tryToClaim(db, claim)
  if (claimed !== undefined) return claimed
  return (await clearDeadMove(db, claim)) ? await tryToClaim(db, claim) : undefined
}

async function tryToClaim(db: Db, { firmId, versionId, from, to }: MoveClaim): Promise<OpenMove | undefined> {
  const { rows } = await sql<ClaimRow>`
    insert into document_moves as m (id, firm_id, version_id, from_store, from_store_id, from_key, to_store, to_store_id,
      to_key, lease_until)
    select gen_random_uuid(), firm_id, id, store, store_id, storage_key, ${to.store}, ${to.storeId}::uuid, ${to.key},
      now() + ${lease}
    from document_versions
    where firm_id = ${firmId} and id = ${versionId} and ${liesAt(from)} and bytes_state <> 'removed'
    on conflict (firm_id, version_id) do update set lease_until = excluded.lease_until, lease_token = gen_random_uuid()
    where m.lease_until < now() and m.from_key = excluded.from_key and m.to_store = excluded.to_store
      and m.to_store_id is not distinct from excluded.to_store_id
    returning id, lease_token as "leaseToken", to_key as "toKey", multipart_id as "multipartId"`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const { id, leaseToken, toKey, multipartId: deadMultipartId } = row
  return { id, leaseToken, firmId, versionId, from, to: { ...to, key: toKey }, deadMultipartId }
}

/** A dead mover that had wanted this version somewhere else stands in nobody's way: what it may have copied is noted for removal. */
async function clearDeadMove(db: Db, { firmId, versionId, from, to }: MoveClaim): Promise<boolean> {
  const { numAffectedRows } = await sql`
    with ended as (
      delete from document_moves
      where firm_id = ${firmId} and version_id = ${versionId} and lease_until < now() and multipart_id is null
        and (from_key <> ${from.key} or to_store <> ${to.store} or to_store_id is distinct from ${to.storeId}::uuid)
      returning *
    )
    ${noteTargets(sql`now() + interval '1 day'`)}`.execute(db)
  return numAffectedRows === 1n
}

const noteTargets = (dueAt: Date | RawBuilder<Date>) => sql`
  insert into document_removals (firm_id, store, store_id, storage_key, due_at)
  select firm_id, to_store, to_store_id, to_key, (${dueAt})::timestamptz from ended
  on conflict (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'))
  do update set due_at = least(document_removals.due_at, excluded.due_at)`

/** Keeps the claim for another while. False when somebody took it over. */
export async function renewLease(db: Db, move: OpenMove): Promise<boolean> {
  return changeMove(db, move, sql`lease_until = now() + ${lease}`)
}

/** Leaves the intent to whoever tries next: the key stays named, and is used again. */
export async function releaseMove(db: Db, move: OpenMove): Promise<void> {
  await changeMove(db, move, sql`lease_until = now() - interval '1 second'`)
}

/**
 * Gives a move up for good; what it or a dead mover before it may have copied is noted for removal. One that still has a
 * multipart upload open is left to the collector, which knows how to end that.
 */
export async function endMove(db: Db, move: OpenMove, dueAt: Date): Promise<void> {
  const { numAffectedRows } = await sql`
    with ended as (
      delete from document_moves where id = ${move.id} and lease_token = ${move.leaseToken} and multipart_id is null
      returning *
    )
    ${noteTargets(dueAt)}`.execute(db)
  if (numAffectedRows === 0n) await releaseMove(db, move)
}

/** Another target, where the first one's key turned out to hold other bytes. False when somebody took the move over. */
export async function retargetMove(db: Db, move: OpenMove, key: StorageKey): Promise<boolean> {
  return changeMove(db, move, sql`to_key = ${key}`)
}

async function changeMove(db: Db, move: OpenMove, change: ReturnType<typeof sql>): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_moves set ${change} where id = ${move.id} and lease_token = ${move.leaseToken}`.execute(db)
  return numAffectedRows === 1n
}

export type Flip = {
  sha256: Sha256
  etag: string | undefined
  objectVersionId: string | undefined
  /** The disk that the source was read from, which rows of the platform do not name. */
  sourceStoreId: StoreId | null
  /** What becomes of the source: removed from this time on, or, with null, kept on purpose. */
  sourceDueAt: Date | null
  /** What becomes of the target, should the version not be at its source any more. */
  targetDueAt: Date
}

export type FlipOutcome = 'flipped' | 'version_changed' | 'taken_over'

/**
 * Makes the version point at its new place, in one statement with all that follows from it: the target's lock, the
 * intent's end, the platform's row, what is to be removed later, the line of the audit trail. `taken_over`: the claim is another's now, and
 * so are the bytes; `version_changed`: it was moved or removed by someone else, and the copy is noted for removal.
 */
export async function flipMove(db: Db, actor: EventActor, move: OpenMove, flip: Flip): Promise<FlipOutcome> {
  const { from, to } = move
  const { rows } = await sql<{ ended: boolean; flipped: boolean }>`
    with locked as materialized (select ${placeLock(to)} as lock),
    ended as (
      delete from document_moves m using locked where m.id = ${move.id} and m.lease_token = ${move.leaseToken}
      returning m.*
    ),
    flipped as (
      update document_versions v set store = ${to.store}, store_id = ${to.storeId}::uuid, storage_key = ${to.key},
        is_fallback = false, etag = ${flip.etag ?? null}, object_version_id = ${flip.objectVersionId ?? null},
        sha256 = ${flip.sha256}, bytes_state = case when v.sha256 is null then v.bytes_state else 'present' end
      from ended e
      where v.firm_id = e.firm_id and v.id = e.version_id and ${liesAt(from, 'v.')} and v.bytes_state <> 'removed'
        and coalesce(v.sha256, ${flip.sha256}) = ${flip.sha256}
      returning v.firm_id, v.document_id, v.version
    ),
    platform_row as (
      update firm_documents f set file_path = ${platformPath(to)}, updated_at = now()
      from flipped v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
      where f.firm_id = v.firm_id and f.id = v.document_id and d.current_version = v.version
    ),
    left_behind as (
      insert into document_removals (firm_id, store, store_id, storage_key, due_at)
      select e.firm_id, case when f is null then e.to_store else e.from_store end,
        case when f is null then e.to_store_id else ${flip.sourceStoreId}::uuid end,
        case when f is null then e.to_key else e.from_key end,
        case when f is null then ${flip.targetDueAt}::timestamptz else ${flip.sourceDueAt}::timestamptz end
      from ended e left join flipped f on true
      on conflict (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'))
      do update set due_at = least(document_removals.due_at, excluded.due_at)
    ),
    event as (
      insert into document_events (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
      select 'document.moved', 'ok', firm_id, document_id, version, ${actor.userId}::uuid, ${actor.ip},
        ${actor.userAgent}, ${actor.requestId}, ${JSON.stringify({ from: from.store, to: to.store })}::jsonb
      from flipped
    )
    select exists (select from ended) as ended, exists (select from flipped) as flipped`.execute(db)
  const [row] = rows
  if (row?.flipped === true) return 'flipped'
  return row?.ended === true ? 'version_changed' : 'taken_over'
}

/** An intent whose mover was not heard of for long. */
export type DeadMove = Pick<OpenMove, 'id' | 'to'> & { multipartId: string | null }

/** For the collector: oldest first. */
export async function listDeadMoves(db: Db, before: Date, limit: number): Promise<DeadMove[]> {
  const rows = await db
    .selectFrom('document_moves')
    .select(['id', 'to_store', 'to_store_id', 'to_key', 'multipart_id'])
    .where('lease_until', '<', before)
    .orderBy('lease_until')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    to: { store: row.to_store, storeId: row.to_store_id, key: row.to_key },
    multipartId: row.multipart_id,
  }))
}

/**
 * Ends a dead mover's intent, unless somebody took it up meanwhile: what it may have copied is noted for removal. The
 * version has lost nothing, since it still stands at the source.
 */
export async function endDeadMove(
  db: Db,
  move: DeadMove,
  { before, dueAt }: { before: Date; dueAt: Date },
): Promise<void> {
  await sql`
    with ended as (delete from document_moves where id = ${move.id} and lease_until < ${before} returning *)
    ${noteTargets(dueAt)}`.execute(db)
}
