import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { jobQueue, jobSchema } from './job-queue.ts'

/** Counting stops here: a larger backlog alarms anyway, and counting would slow the database down. */
const maxCounted = 10_000

/** How many, and for how long the oldest has been there; 0 where there is none. */
export type Waiting = { count: number; oldestSeconds: number }

export type RowCounts = {
  openUploads: Waiting
  /** Files that wait on local disks for S3. */
  fallback: Waiting
  /** Copies into quarantine too: every blob that is being written and is no upload. */
  openMoves: Waiting
  /** Bytes that may go now, since when they may. */
  dueRemovals: Waiting
  /** Orphans and infected files. */
  quarantined: Waiting
  /** Audit events that fell into the default partition. */
  eventsWithoutMonth: Waiting
  /** Of the months to come, those that have a partition for their audit events. */
  eventMonthsAhead: Waiting
  /** Changes of the platform's that are not followed yet. */
  unfollowed: Waiting
  /** Rows of the platform's that were there before us, and are no documents here yet. */
  notAdopted: Waiting
  /** Versions of the platform without a hash: no job has read their content yet. */
  unhashed: Waiting
  /** Versions without a verdict. One that was uploaded without a scanner waits since the first scan failed. */
  scansWaiting: Waiting
  infected: Waiting
  inTrash: Waiting
  heldFirms: Waiting
  heldDocuments: Waiting
}

type Row = { what: keyof RowCounts; count: number; oldestSeconds: number }

/**
 * Counts rows for the metrics, in one statement whose cost does not grow with the tables. Beyond the limit of a count the
 * oldest row may be even older; a backlog of that size raises an alarm anyway.
 */
export async function countRows(db: Db, { hasScanner }: { hasScanner: boolean }): Promise<RowCounts> {
  // Without a scanner every version is a skipped one, and none of them waits.
  const withoutVerdict = hasScanner ? `in ('pending', 'skipped')` : `= 'pending'`
  const { rows } = await sql<Row>`
    ${countOf('openUploads', 'created_at', 'document_blobs', `state = 'incoming' and source_id is null and source_key is null`)}
    union all ${countOf('fallback', 'uploaded_at', 'document_versions', 'is_fallback')}
    union all ${countOf('openMoves', 'created_at', 'document_blobs', `state = 'incoming' and (source_id is not null or source_key is not null)`)}
    union all ${countOf('dueRemovals', 'due_at', 'document_blobs', `state = 'leaving' and due_at <= now()`)}
    union all ${countOf('quarantined', 'changed_at', 'document_blobs', `state = 'quarantined'`)}
    union all ${countOf('eventsWithoutMonth', 'occurred_at', 'document_events_default')}
    union all ${countMonthsAhead}
    union all ${countOf('unfollowed', 'noted_at', 'document_unfollowed')}
    union all ${countNotAdopted}
    union all ${countOf('unhashed', 'uploaded_at', 'document_versions', `sha256 is null and bytes_state = 'present'`)}
    union all ${countOf('scansWaiting', waitingSince, 'document_versions', `scan_status ${withoutVerdict} and bytes_state = 'present'`)}
    union all ${countOf('infected', 'scanned_at', 'document_versions', `scan_status = 'infected'`)}
    union all ${countOf('inTrash', 'deleted_at', 'documents', 'deleted_at is not null')}
    union all ${countOf('heldFirms', 'held_at', 'document_holds', 'document_id is null')}
    union all ${countOf('heldDocuments', 'held_at', 'document_holds', 'document_id is not null')}`.execute(db)
  // The statement has each of them once.
  return Object.fromEntries(rows.map(({ what, ...waiting }) => [what, waiting])) as RowCounts
}

const waitingSince = `case scan_status when 'pending' then uploaded_at else scan_tried_at end`

function countOf(what: keyof RowCounts, since: string, table: string, condition = 'true') {
  return sql`
    select ${sql.lit(what)} as what, count(*)::int as count, ${secondsSince(sql`min(since)`)} as "oldestSeconds"
    from (
      select ${sql.raw(since)} as since from ${sql.table(table)} where ${sql.raw(condition)} limit ${sql.lit(maxCounted)}
    ) as counted`
}

const countMonthsAhead = sql`
  select 'eventMonthsAhead' as what, count(*)::int as count, 0::float8 as "oldestSeconds"
  from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'document_events'::regclass and relname ~ '^document_events_[0-9]{4}_[0-9]{2}$'
    and relname > 'document_events_' || to_char(now() at time zone 'UTC', 'YYYY_MM')`

const countNotAdopted = sql`
  select 'notAdopted' as what, count(*)::int as count, ${secondsSince(sql`min(began_at)`)} as "oldestSeconds"
  from (
    select began_at from document_comparison, firm_documents
    where all_known_at is null and (rows_to is null or id > rows_to) limit ${sql.lit(maxCounted)}
  ) as counted`

/** By the database's own clock, which wrote the rows. */
function secondsSince(time: ReturnType<typeof sql>) {
  return sql`coalesce(greatest(0, extract(epoch from now() - ${time})), 0)::float8`
}

export type QueuedJobs = {
  /** The kind of the jobs, or a queue of the library itself. */
  queue: string
  state: string
  count: number
  /** For how long the oldest that could run has not been taken; 0 where that is none. */
  oldestSeconds: number
}

/**
 * Jobs of each kind and state. Finished jobs are left out: nothing waits on them, and there are many. The condition on
 * the state is that of the library's own index, which makes this cheap.
 */
export async function countJobs(db: Db): Promise<QueuedJobs[]> {
  const type = sql.raw(`${jobSchema}.job_state`)
  const { rows } = await sql<QueuedJobs>`
    with kinds as (
      select task as queue from document_runs where place = ''
      union select name from ${sql.table(`${jobSchema}.queue`)} where name <> ${sql.lit(jobQueue)}
    ), counted as (
      select case name when ${sql.lit(jobQueue)} then singleton_key else name end as queue, state, count(*)::int as count,
        ${secondsSince(sql`min(start_after) filter (where state < 'active')`)} as "oldestSeconds"
      from (
        select name, singleton_key, state, start_after from ${sql.table(`${jobSchema}.job`)}
        where state in ('created', 'retry', 'active', 'failed') limit ${sql.lit(maxCounted)}
      ) as jobs group by 1, 2
    )
    select queue, state::text as state, coalesce(count, 0) as count, coalesce("oldestSeconds", 0) as "oldestSeconds"
    from kinds cross join unnest(array['created', 'retry', 'active', 'failed']::${type}[]) as s(state)
    left join counted using (queue, state)`.execute(db)
  return rows
}
