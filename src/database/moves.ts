import { sql } from 'kysely'

import type { FirmId, StorageKey, VersionId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { noteRemovals, noteTargets } from './note-removals.ts'
import { liesAt, type Place } from './places.ts'

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
  /** Whether another mover began it, and was not heard of any more. */
  isTakenOver: boolean
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

type ClaimRow = { id: string; leaseToken: string; toKey: StorageKey; multipartId: string | null; isTakenOver: boolean }

/**
 * Claims the move of one version: names the target before a byte of it is written, or takes over the intent of a mover
 * that died. Undefined when another one is at it, or the version's bytes are not at `from` any more, or are to go into quarantine.
 */
export async function claimMove(db: Db, claim: MoveClaim): Promise<OpenMove | undefined> {
  const claimed = (await tryToClaim(db, claim)) ?? ((await clearDeadMove(db, claim)) && (await tryToClaim(db, claim)))
  if (!claimed) return undefined
  if (await liesAtSource(db, claimed)) return claimed
  await endMove(db, claimed, inADay)
  return undefined
}

/**
 * Whether there is still something to move. A claim that waited for another one's flip saw the version where it was
 * before that; from the claim on nobody else moves it.
 */
async function liesAtSource(db: Db, { firmId, versionId, from }: OpenMove): Promise<boolean> {
  const { rows } = await sql`
    select from document_versions where firm_id = ${firmId} and id = ${versionId} and ${liesAt(from)}`.execute(db)
  return rows.length === 1
}

const inADay = sql<Date>`now() + interval '1 day'`

async function tryToClaim(db: Db, { firmId, versionId, from, to }: MoveClaim): Promise<OpenMove | undefined> {
  const { rows } = await sql<ClaimRow>`
    insert into document_moves as m (id, firm_id, version_id, from_store, from_store_id, from_key, to_store, to_store_id,
      to_key, lease_until)
    select gen_random_uuid(), firm_id, id, store, store_id, storage_key, ${to.store}, ${to.storeId}::uuid, ${to.key},
      now() + ${lease}
    from document_versions
    where firm_id = ${firmId} and id = ${versionId} and ${liesAt(from)} and bytes_state <> 'removed'
      and scan_status <> 'infected'
    on conflict (firm_id, version_id) do update set lease_until = excluded.lease_until, lease_token = gen_random_uuid()
    where m.lease_until < now() and m.from_key = excluded.from_key and m.to_store = excluded.to_store
      and m.to_store_id is not distinct from excluded.to_store_id
    returning id, lease_token as "leaseToken", to_key as "toKey", multipart_id as "multipartId",
      started_at < now() as "isTakenOver"`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const { id, leaseToken, toKey, multipartId: deadMultipartId, isTakenOver } = row
  return { id, leaseToken, firmId, versionId, from, to: { ...to, key: toKey }, deadMultipartId, isTakenOver }
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
    ${noteTargets(inADay)}`.execute(db)
  return numAffectedRows === 1n
}

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
export async function endMove(db: Db, move: OpenMove, dueAt: Date | typeof inADay): Promise<void> {
  const { numAffectedRows } = await sql`
    with ended as (
      delete from document_moves where id = ${move.id} and lease_token = ${move.leaseToken} and multipart_id is null
      returning *
    )
    ${noteTargets(dueAt)}`.execute(db)
  if (numAffectedRows === 0n) await releaseMove(db, move)
}

/**
 * Another target, where the first one's key turned out to hold other bytes, which are noted for removal. False when
 * somebody took the move over.
 */
export async function retargetMove(db: Db, move: OpenMove, key: StorageKey, dueAt: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`
    with changed as (
      update document_moves set to_key = ${key}, multipart_id = null
      where id = ${move.id} and lease_token = ${move.leaseToken} returning firm_id
    )
    ${noteRemovals(sql`
      select firm_id, null::uuid, ${move.to.store}, ${move.to.storeId}::uuid, ${move.to.key}, ${dueAt}::timestamptz
      from changed`)}`.execute(db)
  return numAffectedRows === 1n
}

async function changeMove(db: Db, move: OpenMove, change: ReturnType<typeof sql>): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_moves set ${change} where id = ${move.id} and lease_token = ${move.leaseToken}`.execute(db)
  return numAffectedRows === 1n
}
