import { sql } from 'kysely'

import type { Db } from './client.ts'
import type { OpenMove } from './moves.ts'
import { noteTargets } from './note-removals.ts'

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
