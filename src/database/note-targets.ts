import { type RawBuilder, sql } from 'kysely'

/** SQL: after a query `ended` that deletes moves, what those may have copied is noted for removal. */
export const noteTargets = (dueAt: Date | RawBuilder<Date>) => sql`
  insert into document_removals (firm_id, store, store_id, storage_key, due_at)
  select firm_id, to_store, to_store_id, to_key, (${dueAt})::timestamptz from ended
  on conflict (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'))
  do update set due_at = least(document_removals.due_at, excluded.due_at)`
