import { sql } from 'kysely'

import type { DocumentId, Sha256, StoreId } from '../vocabulary.ts'
import type { Tx } from './client.ts'
import type { EventActor } from './events.ts'
import { holdRows } from './lock-document.ts'
import type { OpenMove } from './moves.ts'
import { noteRemovals } from './note-removals.ts'
import { liesAt, platformPath } from './places.ts'
import { placeLock } from './uploads.ts'

export type Flip = {
  documentId: DocumentId
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
 * Makes the version point at its new place, with all that follows from it: the target's lock, the intent's end, the
 * platform's row where that shows this place, what is to be removed later, the line of the audit trail. `taken_over`: the
 * claim is another's now, and so are the bytes; `version_changed`: it was moved or removed by someone else, or a virus was
 * found in it, and the copy is noted for removal.
 */
export async function flipMove(trx: Tx, actor: EventActor, move: OpenMove, flip: Flip): Promise<FlipOutcome> {
  const { from, to } = move
  // A statement of its own: whoever shows the document at this moment may be writing the platform's row, which a statement
  // that waits for them would not see.
  await holdRows(trx, { firmId: move.firmId, documentId: flip.documentId })
  const { rows } = await sql<{ ended: boolean; flipped: boolean }>`
    with locked as materialized (select ${placeLock(to)} as lock),
    ended as (
      delete from document_moves m using (select count(*) from locked) as waited
      where m.id = ${move.id} and m.lease_token = ${move.leaseToken}
      returning m.*
    ),
    flipped as (
      update document_versions v set store = ${to.store}, store_id = ${to.storeId}::uuid, storage_key = ${to.key},
        is_fallback = false, etag = ${flip.etag ?? null}, object_version_id = ${flip.objectVersionId ?? null},
        sha256 = ${flip.sha256}, bytes_state = case when v.sha256 is null then v.bytes_state else 'present' end
      from ended e
      where v.firm_id = e.firm_id and v.id = e.version_id and ${liesAt(from, 'v.')} and v.bytes_state <> 'removed'
        and v.scan_status <> 'infected' and coalesce(v.sha256, ${flip.sha256}) = ${flip.sha256}
      returning v.firm_id, v.document_id, v.version
    ),
    platform_row as (
      update firm_documents f set file_path = ${platformPath(to)}, updated_at = now()
      from flipped v where f.firm_id = v.firm_id and f.id = v.document_id and f.file_path = ${platformPath(from)}
    ),
    left_behind as (
      ${noteRemovals(sql`
        select e.firm_id, e.version_id, e.from_store, ${flip.sourceStoreId}::uuid, e.from_key, ${flip.sourceDueAt}::timestamptz
        from ended e, flipped
        union all
        select firm_id, null, to_store, to_store_id, to_key, ${flip.targetDueAt}::timestamptz
        from ended where not exists (select from flipped)`)}
    ),
    event as (
      insert into document_events (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
      select 'document.moved', 'ok', firm_id, document_id, version, ${actor.userId}::uuid, ${actor.ip},
        ${actor.userAgent}, ${actor.requestId}, ${JSON.stringify({ from: from.store, to: to.store })}::jsonb
      from flipped
    )
    select exists (select from ended) as ended, exists (select from flipped) as flipped`.execute(trx)
  const [row] = rows
  if (row?.flipped === true) return 'flipped'
  return row?.ended === true ? 'version_changed' : 'taken_over'
}
