import { sql } from 'kysely'

import type { StoreId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import { jobQueue, jobSchema } from './job-queue.ts'

/** The task of a run, and the local store it runs for, if any. */
export type RunOf = { task: string; disk?: StoreId | undefined }

export type EndedRun = RunOf & {
  instance: string
  /** Undefined if its start could not be recorded. */
  startedAt: Date | undefined
  outcome: 'ok' | 'failed'
  error: string | undefined
  did: Record<string, unknown> | undefined
}

/** The last runs of a task; for a task of each disk, of one disk. */
export type RunRecord = {
  task: string
  disk: StoreId | null
  knownSince: Date
  /** The start of the current run, or of a run that was killed. */
  runningSince: Date | null
  runningOn: string | null
  /**
   * Whether the queue has a recent heartbeat of the current run. Always false for a run for a disk, which is not in
   * the queue.
   */
  isAlive: boolean
  startedAt: Date | null
  endedAt: Date | null
  endedBy: string | null
  outcome: 'ok' | 'failed' | null
  error: string | null
  did: Record<string, unknown> | null
  succeededAt: Date | null
}

/** Registers a job of this worker. From now on it can be late. */
export async function registerTask(db: Db, task: string): Promise<void> {
  await sql`insert into document_runs (task) values (${task}) on conflict do nothing`.execute(db)
}

/** Returns the start by the database's clock. */
export async function startRun(db: Db, { task, disk }: RunOf, instance: string): Promise<Date | undefined> {
  const { rows } = await sql<{ runningSince: Date }>`
    insert into document_runs (task, place, running_since, running_on) values (${task}, ${disk ?? noDisk}, now(), ${instance})
    on conflict (task, place) do update set running_since = excluded.running_since, running_on = excluded.running_on
    returning running_since as "runningSince"`.execute(db)
  return rows[0]?.runningSince
}

export async function endRun(db: Db, run: EndedRun): Promise<void> {
  const { task, disk, instance, startedAt = null, outcome, error = null, did } = run
  await sql`
    insert into document_runs as r (task, place, started_at, ended_at, ended_by, outcome, error, did, succeeded_at)
    values (${task}, ${disk ?? noDisk}, coalesce(${startedAt}::timestamptz, now()), now(), ${instance}, ${outcome}, ${error},
      ${did === undefined ? null : JSON.stringify(did)}, case when ${outcome} = 'ok' then now() end)
    on conflict (task, place) do update set
      started_at = excluded.started_at, ended_at = excluded.ended_at, ended_by = excluded.ended_by,
      outcome = excluded.outcome, error = excluded.error, did = excluded.did,
      succeeded_at = coalesce(excluded.succeeded_at, r.succeeded_at),
      running_since = case when r.running_on = excluded.ended_by then null else r.running_since end,
      running_on = nullif(r.running_on, excluded.ended_by)`.execute(db)
}

/**
 * The last run of each task, and of each disk for tasks of disks. The condition on the state matches the queue's
 * index.
 */
export async function listRuns(db: Db): Promise<RunRecord[]> {
  const { rows } = await sql<RunRecord>`
    select task, nullif(place, ${noDisk}) as disk, known_since as "knownSince", running_since as "runningSince", running_on as "runningOn",
      running_since is not null and exists (
        select from ${sql.table(`${jobSchema}.job`)} j
        where j.name = ${jobQueue} and j.singleton_key = task and j.state = 'active' and j.state in ('created', 'retry', 'active', 'failed')
          and j.heartbeat_on > now() - interval '2 minutes'
      ) as "isAlive",
      started_at as "startedAt", ended_at as "endedAt", ended_by as "endedBy", outcome, error, did,
      succeeded_at as "succeededAt"
    from document_runs order by task, place`.execute(db)
  return rows
}

/** Deletes the runs of local stores that no instance has served since then. */
export async function deleteDisksBefore(db: Db, before: Date): Promise<void> {
  await sql`
    delete from document_runs
    where place <> ${noDisk} and greatest(running_since, ended_at, known_since) < ${before}`.execute(db)
}

const noDisk = ''
