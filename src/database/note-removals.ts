import { type RawBuilder, sql } from 'kysely'

/**
 * SQL: notes bytes that no row names any more for removal. `rows` selects firm, version (of a move's source, else null),
 * store, store id, key and the time from which they may go (null: kept on purpose). What was noted before goes at the
 * earlier of both times.
 */
export const noteRemovals = (rows: RawBuilder<unknown>) => sql`
  insert into document_removals (firm_id, version_id, store, store_id, storage_key, due_at) ${rows}
  on conflict (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'))
  do update set due_at = least(document_removals.due_at, excluded.due_at)`

/** SQL: the same for what the moves of a query `ended`, which deletes them, may have copied. */
export const noteTargets = (dueAt: Date | RawBuilder<Date>) =>
  noteRemovals(sql`
    select firm_id, null::uuid, to_store, to_store_id, to_key, (${dueAt})::timestamptz from ended`)
