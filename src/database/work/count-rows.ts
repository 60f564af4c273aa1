import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'
import { jobQueue, jobSchema } from './job-queue.ts'

/** Counting stops here: a larger backlog alarms anyway, and counting would slow the database down. */
const maxCounted = 10_000

/** The number of rows and the age of the oldest; 0 if there is none. */
export type Waiting = { count: number; oldestSeconds: number }

export type RowCounts = {
  /** Without resumable ones. */
  openUploads: Waiting
  /** Files in local stores that are to be moved to S3. */
  fallback: Waiting
  /** Moves and copies into quarantine: every blob that is being written and is not an upload. */
  openMoves: Waiting
  /** Blobs whose removal is due, by the time since then. */
  dueRemovals: Waiting
  /** Orphans and infected files. */
  quarantined: Waiting
  /** Audit events in the default partition, because their month has none. */
  eventsWithoutMonth: Waiting
  /** Future months that have a partition for audit events. */
  eventMonthsAhead: Waiting
  /** Changes of the platform that are not followed yet. */
  unfollowed: Waiting
  /** Rows of the platform from before the installation that are not documents here yet. */
  notAdopted: Waiting
  /** Versions of the platform without a hash: no job has read their content yet. */
  unhashed: Waiting
  /** Versions without a verdict. A version uploaded without a scanner waits since its first failed scan. */
  scansWaiting: Waiting
  infected: Waiting
  inTrash: Waiting
  heldFirms: Waiting
  heldDocuments: Waiting
  /** Mails that will be sent, or tried again. */
  mailsWaiting: Waiting
  /** Mails that were given up. */
  mailsFailed: Waiting
  /** Events that wait to be sent to enabled webhooks. */
  webhooksWaiting: Waiting
  /** Webhooks that the service disabled. */
  webhooksDisabled: Waiting
}

type Row = { name: keyof RowCounts; count: number; oldestSeconds: number }

/**
 * Counts rows for the metrics, in one statement whose cost does not grow with the tables. If a count reaches its limit, the
 * oldest row may be older than reported; a backlog of that size raises an alarm anyway.
 */
export async function countRows(db: Db, { hasScanner }: { hasScanner: boolean }): Promise<RowCounts> {
  // Without a scanner every version is skipped, and none waits.
  const withoutVerdict = hasScanner ? `in ('pending', 'skipped')` : `= 'pending'`
  const { rows } = await sql<Row>`
    ${countOf('openUploads', 'created_at', 'document_blobs', `state = 'incoming' and source_id is null and source_key is null and ${isNotResumable}`)}
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
    union all ${countOf('heldDocuments', 'held_at', 'document_holds', 'document_id is not null')}
    union all ${countOf('mailsWaiting', 'queued_at', 'document_mails', 'due_at is not null')}
    union all ${countOf('mailsFailed', 'given_up_at', 'document_mails', 'given_up_at is not null')}
    union all ${countOf('webhooksWaiting', 'created_at', 'document_webhook_deliveries', `next_attempt_at is not null and webhook_id in (select id from document_webhooks where enabled)`)}
    union all ${countOf('webhooksDisabled', 'failing_since', 'document_webhooks', 'disabled_reason is not null')}`.execute(
    db,
  )
  // The statement returns each name once.
  return Object.fromEntries(rows.map(({ name, ...waiting }) => [name, waiting])) as RowCounts
}

/** A resumable upload may wait for its client for a day, and a complete one for its end for a week. */
const isNotResumable = `not exists (select from document_uploads u where u.blob_id = document_blobs.id)
  and not exists (select from document_uploads u where u.rest_blob_id = document_blobs.id)`

const waitingSince = `case scan_status when 'pending' then uploaded_at else scan_tried_at end`

function countOf(name: keyof RowCounts, since: string, table: string, condition = 'true') {
  return sql`
    select ${sql.lit(name)} as name, count(*)::int as count, ${secondsSince(sql`min(since)`)} as "oldestSeconds"
    from (
      select ${sql.raw(since)} as since from ${sql.table(table)} where ${sql.raw(condition)} limit ${sql.lit(maxCounted)}
    ) as counted`
}

const countMonthsAhead = sql`
  select 'eventMonthsAhead' as name, count(*)::int as count, 0::float8 as "oldestSeconds"
  from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'document_events'::regclass and relname ~ '^document_events_[0-9]{4}_[0-9]{2}$'
    and relname > 'document_events_' || to_char(now() at time zone 'UTC', 'YYYY_MM')`

const countNotAdopted = sql`
  select 'notAdopted' as name, count(*)::int as count, ${secondsSince(sql`min(began_at)`)} as "oldestSeconds"
  from (
    select began_at from document_comparison, firm_documents
    where all_known_at is null and (rows_to is null or id > rows_to) limit ${sql.lit(maxCounted)}
  ) as counted`

/** Resumable uploads that are neither documents nor rejected yet. `reservedBytes`: the sum of their reservations. */
export type UnfinishedUploads = Waiting & { reservedBytes: number }

/** Counts resumable uploads with room reserved. An expired one counts until the collector frees its room. */
export async function countUnfinishedUploads(db: Db): Promise<UnfinishedUploads> {
  const { rows } = await sql<UnfinishedUploads>`
    select count(*)::int as count, ${secondsSince(sql`min(created_at)`)} as "oldestSeconds",
      coalesce(sum(reserved_bytes), 0)::float8 as "reservedBytes"
    from (
      select u.created_at, b.reserved_bytes
      from (
        select created_at, blob_id from document_uploads where result_document_id is null and failure is null
        order by created_at limit ${sql.lit(maxCounted)}
      ) as u
      join document_blobs b on b.id = u.blob_id and b.state = 'incoming'
    ) as counted`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no count')
  return row
}

/** By the database's clock, which set the times of the rows. */
function secondsSince(time: ReturnType<typeof sql>) {
  return sql`coalesce(greatest(0, extract(epoch from now() - ${time})), 0)::float8`
}

export type QueuedJobs = {
  /** The name of the job, or of a queue that the library uses itself. */
  queue: string
  state: string
  count: number
  /** How long the oldest job that could run has waited; 0 if there is none. */
  oldestSeconds: number
}

/**
 * Counts jobs by name and state, except finished ones, which are many. The condition on the state matches the library's
 * index, which makes this cheap.
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
