import { sql } from 'kysely'

import type { Db } from './client.ts'
import { jobSchema } from './migrate-jobs.ts'

/** A count that grows past this is trouble enough; counting on would only slow the database down. */
const mostCounted = 10_000

export type RowCounts = {
  openUploads: number
  /** Audit events that fell into the default partition. */
  eventsWithoutMonth: number
  jobs: { queue: string; state: string; jobs: number }[]
}

/** A system task's look at what lies in the tables, for the metrics. */
export async function countRows(db: Db): Promise<RowCounts> {
  const [openUploads, eventsWithoutMonth, jobs] = await Promise.all([
    countUpTo(db, 'document_uploads'),
    countUpTo(db, 'document_events_default'),
    countJobs(db),
  ])
  return { openUploads, eventsWithoutMonth, jobs }
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
