import { sql } from 'kysely'

import type { Db } from './client.ts'
import { jobSchema } from './migrate-jobs.ts'

/** A count that grows past this is trouble enough; counting on would only slow the database down. */
const mostCounted = 10_000

export type RowCounts = {
  openUploads: number
  /** Files that wait on local disks for S3, and when the oldest of them came. */
  fallbackFiles: number
  oldestFallbackAt: Date | null
  /** Audit events that fell into the default partition. */
  eventsWithoutMonth: number
  jobs: { queue: string; state: string; jobs: number }[]
}

/** A system task's look at what lies in the tables, for the metrics. */
export async function countRows(db: Db): Promise<RowCounts> {
  const [openUploads, fallback, eventsWithoutMonth, jobs] = await Promise.all([
    countUpTo(db, 'document_uploads'),
    countFallback(db),
    countUpTo(db, 'document_events_default'),
    countJobs(db),
  ])
  return { openUploads, ...fallback, eventsWithoutMonth, jobs }
}

// Past the count's limit the oldest may be older yet; a backlog of that size alarms by itself.
async function countFallback(db: Db): Promise<Pick<RowCounts, 'fallbackFiles' | 'oldestFallbackAt'>> {
  const { rows } = await sql<{ files: number; oldest: Date | null }>`
    select count(*)::int as files, min(uploaded_at) as oldest
    from (select uploaded_at from document_versions where is_fallback limit ${mostCounted}) as waiting`.execute(db)
  return { fallbackFiles: rows[0]?.files ?? 0, oldestFallbackAt: rows[0]?.oldest ?? null }
}

async function countUpTo(db: Db, table: string): Promise<number> {
  const { rows } = await sql<{ rows: number }>`
    select count(*)::int as rows from (select from ${sql.table(table)} limit ${mostCounted}) as counted`.execute(db)
  return rows[0]?.rows ?? 0
}

/** Finished jobs are left out: nothing waits on them, and there are many. */
async function countJobs(db: Db): Promise<RowCounts['jobs']> {
  const { rows } = await sql<RowCounts['jobs'][number]>`
    select name as queue, state::text, count(*)::int as jobs from ${sql.table(`${jobSchema}.job`)}
    where state in ('created', 'retry', 'active', 'failed') group by name, state`.execute(db)
  return rows
}
