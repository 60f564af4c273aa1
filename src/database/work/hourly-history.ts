import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'

/** The figures of one hour, which is named by its beginning. */
export type HistoryHour = {
  hour: Date
  uploads: number
  uploadBytes: number
  /** Answers with a status of 500 or more. */
  errors: number
  /** The largest number of files that waited for S3. */
  fallbackFiles: number
  /** Null: nothing was measured in this hour. */
  storedBytes: number | null
}

const days = sql.lit(30)
const thisHour = sql`date_trunc('hour', now(), 'UTC')`
const firstHour = sql`${thisHour} - make_interval(days => ${days})`
/** A statement counts at most this many hours, so that a first run over a long trail can be stopped. */
const hoursAtOnce = sql.lit(24)

/** The figures of the last 30 days, oldest first. Hours in which nothing was recorded are absent. */
export async function listHistory(db: Db): Promise<HistoryHour[]> {
  const { rows } = await sql<HistoryHour>`
    select hour, uploads, upload_bytes::float8 as "uploadBytes", errors, fallback_files as "fallbackFiles",
      stored_bytes::float8 as "storedBytes"
    from document_history where hour >= ${firstHour} order by hour`.execute(db)
  return rows
}

/**
 * A system task: counts the uploads of every hour that is not final, measures storage and fallback, and deletes older hours.
 * A second run changes nothing. Returns the number of hours that it counted and deleted.
 */
export async function recordHistory(db: Db, signal: AbortSignal): Promise<{ counted: number; deleted: number }> {
  let counted = 0
  for (;;) {
    signal.throwIfAborted()
    const done = await countNextHours(db)
    counted += done.counted
    if (done.isLast) break
  }
  await measureNow(db)
  const { rows } = await sql`delete from document_history where hour < ${firstHour} returning hour`.execute(db)
  return { counted, deleted: rows.length }
}

/**
 * Counts from the first hour that is not final, in the order of time. An event can commit some minutes after its time: an
 * hour is final once it was counted five minutes after its end.
 */
async function countNextHours(db: Db): Promise<{ counted: number; isLast: boolean }> {
  const { rows } = await sql<{ isLast: boolean }>`
    with span as materialized (
      select first, least(first + make_interval(hours => ${hoursAtOnce} - 1), ${thisHour}) as last
      from (
        select greatest(${firstHour}, 1 * interval '1 hour' + max(hour) filter (where counted_at > hour + interval '65 minutes')) as first
        from document_history
      ) as final
    ), found as (
      select date_trunc('hour', occurred_at, 'UTC') as hour, count(*)::int as uploads,
        sum((details ->> 'bytes')::bigint)::bigint as bytes
      from document_events
      where occurred_at >= (select first from span) and occurred_at < (select last from span) + interval '1 hour'
        and action in ('document.uploaded', 'document.version_added') and outcome = 'ok' and details ? 'bytes'
      group by 1
    )
    insert into document_history (hour, uploads, upload_bytes, counted_at)
    select each.hour, coalesce(found.uploads, 0), coalesce(found.bytes, 0), now()
    from span cross join generate_series(span.first, span.last, interval '1 hour') as each (hour)
    left join found on found.hour = each.hour
    on conflict (hour) do update set
      uploads = excluded.uploads, upload_bytes = excluded.upload_bytes, counted_at = excluded.counted_at
    returning hour = ${thisHour} as "isLast"`.execute(db)
  return { counted: rows.length, isLast: rows.length === 0 || rows.some(({ isLast }) => isLast) }
}

async function measureNow(db: Db): Promise<void> {
  await sql`
    insert into document_history as h (hour, fallback_files, stored_bytes)
    select ${thisHour},
      (select count(*) from (select from document_versions where is_fallback limit 10000) as waiting),
      (select coalesce(sum(bytes), 0) from (
        select bytes from document_usage union all select bytes from document_usage_changes) as used)
    on conflict (hour) do update set
      fallback_files = greatest(h.fallback_files, excluded.fallback_files), stored_bytes = excluded.stored_bytes`.execute(
    db,
  )
}

/** Adds the failed answers of one instance to the current hour. */
export async function addErrors(db: Db, errors: number): Promise<void> {
  await sql`
    insert into document_history as h (hour, errors) values (${thisHour}, ${errors})
    on conflict (hour) do update set errors = h.errors + excluded.errors`.execute(db)
}
