import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { Client, type PoolConfig } from 'pg'
import { PgBoss } from 'pg-boss'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import type { Tx } from '../../src/database/connection/client.ts'
import { withLogContext } from '../../src/logging/spans.ts'
import { readWorkStates, type WorkState } from '../../src/operations/judge-work.ts'
import type { Job } from '../../src/worker/jobs.ts'
import { startWorker, type Worker } from '../../src/worker/run-queue.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { freshDatabase } from '../support/database/fresh-database.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { enqueueJob, jobQueue, jobSchema, migrateJobs, queueAddress } from '../../src/database/work/job-queue.ts'

// As in production, the service's role owns nothing, so the worker needs all its grants.
let database: TwoRoles
let service: TestService
beforeAll(async () => {
  database = await freshDatabaseOfTwoRoles()
  service = await startService(database.settings)
})
afterAll(async () => {
  await service.stop()
  await database.remove()
})

const started: Worker[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.close()))
})
async function start(jobs?: Job[]): Promise<Worker> {
  const worker = await startWorker(service.app, jobs, { pollSeconds: 1 })
  started.push(worker)
  return worker
}

type Run = { id: string; state: string; output: unknown }

/** Except a job that the schedule enqueues in this very minute. */
async function listRuns(job: string): Promise<Run[]> {
  const { rows } = await sql<Run>`
    select id, state::text, output from ${sql.table(`${jobSchema}.job`)}
    where name = ${jobQueue} and singleton_key = ${job}
      and (singleton_on is not null or data ? 'request_id')`.execute(service.app.db)
  return rows
}

async function finishedRuns(job: string): Promise<Run[]> {
  const isFinished = (runs: Run[]) => runs.length > 0 && runs.every(({ state }) => /completed|failed/.test(state))
  await expect.poll(() => listRuns(job)).toSatisfy(isFinished)
  return listRuns(job)
}

/** Makes jobs runnable before the time of their next attempt. */
async function runNow(job: string): Promise<void> {
  await sql`update ${sql.table(`${jobSchema}.job`)} set start_after = now() where singleton_key = ${job}`.execute(
    service.app.db,
  )
}

/** As an administrator sees it. */
async function lastRunOf(name: string): Promise<WorkState | undefined> {
  const work = { name, description: 'Is tried.', by: 'one_instance', schedule: '0 0 1 1 *' } as const
  const [state] = await readWorkStates(service.app.db, [work])
  return state
}

function eventsOf(job: string): Record<string, unknown>[] {
  return service.logLines
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter((event) => event['job'] === job)
}

/** A queue client that enqueues jobs and runs none. */
async function queueOf(connection: PoolConfig): Promise<PgBoss> {
  const queue = new PgBoss({ ...queueAddress(connection), migrate: false, supervise: false, schedule: false })
  await queue.start()
  return queue
}

function jobThat(name: string, run: Job['run']): Job {
  return { name, description: 'Is tried.', schedule: '0 0 1 1 *', run }
}

test('of several workers that start at once, one does the housekeeping', async () => {
  await Promise.all([start(), start(), start()])

  const runs = await finishedRuns('housekeeping')
  expect(runs).toMatchObject([{ state: 'completed', output: { forgotten_answers: 0 } }])
  const events = eventsOf('housekeeping').filter((event) => event['job_id'] === runs[0]?.id)
  expect(events).toMatchObject([
    { event: 'job_started', attempt: 1 },
    { event: 'job_finished', attempt: 1, duration_ms: expect.any(Number), forgotten_answers: 0 },
  ])
})

test('the housekeeping is due daily', async () => {
  const worker = await start()
  await worker.close()

  const { rows } =
    await sql`select cron, timezone from ${sql.table(`${jobSchema}.schedule`)} where key = 'housekeeping'`.execute(
      service.app.db,
    )
  expect(rows).toEqual([{ cron: '17 3 * * *', timezone: 'UTC' }])
})

test('log lines during a job have the job’s id, and no others', async () => {
  await start([
    jobThat('deep', async ({ log }) => {
      await wait(1)
      log.info({ event: 'from_within' })
      return {}
    }),
  ])
  await finishedRuns('deep')

  const jobId = eventsOf('deep')[0]?.['job_id']
  const within = service.logLines.map((line) => JSON.parse(line)).find((event) => event.event === 'from_within')
  expect(within.job_id).toBe(jobId)
})

test('a job enqueued by a change has the request id of the change at every attempt, and exists only if the change commits', async () => {
  let isFailing = true
  const queue = await queueOf(service.app.databaseConnection)
  await start([
    {
      ...jobThat('asked-for', async ({ log }) => {
        log.info({ event: 'at_work' })
        if (isFailing) throw new Error('the first attempt fails')
        return {}
      }),
      isDueAtStart: false,
    },
  ])
  const asking = (requestId: string, trx: Tx) =>
    withLogContext({ request_id: requestId }, () => enqueueJob(queue, 'asked-for', { trx }))
  await service.app.db.transaction().execute((trx) => asking('stands-1', trx))
  const undone = service.app.db.transaction().execute(async (trx) => {
    await asking('undone-1', trx)
    throw new Error('the change is undone')
  })
  await expect(undone).rejects.toThrow('undone')

  await expect.poll(() => listRuns('asked-for')).toMatchObject([{ state: 'retry' }])
  isFailing = false
  await runNow('asked-for')
  await expect.poll(() => listRuns('asked-for')).toMatchObject([{ state: 'completed' }])
  await queue.stop()
  const events = eventsOf('asked-for')
  const within = service.logLines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'at_work')
  expect(events.map(({ event }) => event)).toEqual(['job_started', 'job_failed', 'job_started', 'job_finished'])
  expect(events.map(({ request_id }) => request_id)).toEqual(events.map(() => 'stands-1'))
  expect(within).toMatchObject([1, 2].map(() => ({ request_id: 'stands-1', job_id: events[0]?.['job_id'] })))
})

test('a failed job is logged, is tried again, and leaves no secret in the queue', async () => {
  await start([
    jobThat('failing', async () => {
      throw new Error('could not reach postgres://paniq:s3cr3t@db')
    }),
  ])

  await expect.poll(() => listRuns('failing')).toMatchObject([{ state: 'retry' }])
  const failure = eventsOf('failing').find(({ event }) => event === 'job_failed')
  expect(failure).toMatchObject({ level: 'error', attempt: 1, err: { message: expect.stringContaining('redacted') } })
  expect(JSON.stringify(await listRuns('failing'))).not.toContain('postgres')
})

test('a worker that is closed waits for its running job', async () => {
  const begun = Promise.withResolvers<void>()
  let isDone = false
  const worker = await start([
    jobThat('slow', async () => {
      begun.resolve()
      await wait(500)
      isDone = true
      return {}
    }),
  ])
  await begun.promise

  await worker.close()

  expect(isDone).toBe(true)
})

test('a job interrupted by a shutdown is run again by the next worker', async () => {
  const begun = Promise.withResolvers<void>()
  let attempts = 0
  const walk = jobThat('walk', async (_needs, signal) => {
    attempts += 1
    begun.resolve()
    if (attempts === 1) await once(signal, 'abort')
    return { walked: attempts }
  })
  const worker = await start([walk])
  await begun.promise
  await worker.close()

  expect(await listRuns('walk')).toMatchObject([{ state: 'created' }])
  expect(await lastRunOf('walk')).toMatchObject({ last: { outcome: 'broken_off' }, succeededAt: null })
  expect(eventsOf('walk').map(({ event, level }) => [event, level])).toEqual([
    ['job_started', 'debug'],
    ['job_broken_off', 'info'],
  ])

  await start([walk])
  await expect.poll(() => listRuns('walk')).toMatchObject([{ state: 'completed', output: { walked: 2 } }])
  expect(await lastRunOf('walk')).toMatchObject({ last: { outcome: 'ok' }, succeededAt: expect.any(Date) })
})

test('a job interrupted by many shutdowns is not given up, also if it throws the reason', async () => {
  let begun = Promise.withResolvers<void>()
  const walk = jobThat('long-walk', async (_needs, signal) => {
    begun.resolve()
    await once(signal, 'abort')
    throw signal.reason
  })
  // One more than the attempts of a job.
  for (let restarts = 0; restarts < 5; restarts += 1) {
    begun = Promise.withResolvers()
    const worker = await start([walk])
    await begun.promise
    await worker.close()
  }

  expect(await listRuns('long-walk')).toMatchObject([{ state: 'created' }])
  expect(await lastRunOf('long-walk')).toMatchObject({ last: { outcome: 'broken_off' }, succeededAt: null })
  expect(eventsOf('long-walk').map(({ event }) => event)).not.toContain('job_failed')
})

test('a worker whose connection hangs fetches jobs over another one', async () => {
  await using closing = new AsyncDisposableStack()
  const address = new URL(database.settings.DATABASE_URL)
  const proxy = await startFaultProxy({ host: address.hostname, port: Number(address.port) })
  closing.defer(() => proxy.close())
  const through = Object.assign(new URL(address), { port: String(proxy.port) }).href
  const queue = await queueOf(service.app.databaseConnection)
  closing.defer(() => queue.stop())
  const runs: string[] = []
  const jobNamed = (name: string): Job => ({
    ...jobThat(name, async () => {
      runs.push(name)
      return {}
    }),
    isDueAtStart: false,
  })
  const needs = { ...service.app, databaseConnection: { connectionString: through } }
  const jobs = [jobNamed('before'), jobNamed('after')]
  const worker = await startWorker(needs, jobs, { pollSeconds: 1, maxSilenceMs: 2000 })
  closing.defer(() => worker.close())
  await enqueueJob(queue, 'before')
  await expect.poll(() => runs).toEqual(['before'])

  proxy.hangAll()
  await enqueueJob(queue, 'after')

  await expect.poll(() => runs).toEqual(['before', 'after'])
})

test('a worker that cannot reach its database throws instead of waiting', async () => {
  const nowhere = { ...service.app, databaseConnection: { connectionString: 'postgres://nobody@127.0.0.1:1/none' } }

  await expect(startWorker(nowhere)).rejects.toThrow('ECONNREFUSED')
})

test('the service’s role may use the queue, and neither alter nor own its tables', async () => {
  const { rows } = await sql<{ owned: number; makes: boolean }>`
    select count(*) filter (where pg_get_userbyid(relowner) = current_user)::int as owned,
           has_schema_privilege(${jobSchema}, 'create') as makes
    from pg_class where relnamespace = ${jobSchema}::regnamespace`.execute(service.app.db)

  expect(rows).toEqual([{ owned: 0, makes: false }])
})

test('instances that start at once on an empty database create the queue’s tables once', async () => {
  const empty = await freshDatabase()

  await Promise.all([1, 2, 3, 4].map(() => migrateJobs({ connectionString: empty.url })))
  await migrateJobs({ connectionString: empty.url })

  const client = new Client({ connectionString: empty.url })
  await client.connect()
  const { rows } = await client.query(`select count(*)::int as versions from ${jobSchema}.version`)
  await client.end()
  await empty.drop()
  expect(rows).toEqual([{ versions: 1 }])
})
