import { sql } from 'kysely'
import { PgBoss } from 'pg-boss'
import { expect, test } from 'vitest'

import { everyJob, type Job } from '../../src/worker/jobs.ts'
import { startWorker, takeJobs } from '../../src/worker/run-queue.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { enqueueJob, jobQueue, jobSchema, queueAddress } from '../../src/database/work/job-queue.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  const { databaseConnection } = service.app
  const queue = new PgBoss({ ...queueAddress(databaseConnection), migrate: false, supervise: false, schedule: false })
  await queue.start()
  closing.defer(() => queue.stop({ graceful: false }))
  return { service, queue }
})

const often = { pollSeconds: 1 }

function jobThat(name: string, run: Job['run'], more: Partial<Job> = {}): Job {
  return { name, description: 'Is tried.', schedule: '0 0 1 1 *', run, ...more }
}

test('an instance polls one queue for all jobs, in addition to that of the schedule', async () => {
  const { app } = scene.service
  const worker = await startWorker(app)
  const { rows } = await sql<{ name: string }>`
    select name from ${sql.table(`${jobSchema}.queue`)} order by name`.execute(app.db)
  await worker.close()

  expect(everyJob.length).toBeGreaterThan(10)
  expect(rows).toEqual([{ name: '__pgboss__send-it' }, { name: jobQueue }])
})

test('a long job delays no other job, also not one that is enqueued meanwhile', async () => {
  const { service, queue } = scene
  const release = Promise.withResolvers<void>()
  const began = Promise.withResolvers<void>()
  const quickRuns: string[] = []
  const quick = (name: string, more: Partial<Job> = {}) =>
    jobThat(
      name,
      async () => {
        quickRuns.push(name)
        return {}
      },
      more,
    )
  const slow = jobThat('slow', async () => {
    began.resolve()
    await release.promise
    return {}
  })
  const jobs = [slow, quick('beside'), quick('later', { isDueAtStart: false })]
  const worker = await startWorker(service.app, jobs, often)
  await began.promise
  await expect.poll(() => quickRuns).toEqual(['beside'])
  await enqueueJob(queue, 'later')
  await expect.poll(() => quickRuns).toEqual(['beside', 'later'])

  release.resolve()
  await worker.close()
})

test('a scheduled job runs at its time, once over two instances', { timeout: 120_000 }, async () => {
  const { app } = scene.service
  const runs: string[] = []
  const jobOf = (instance: string) =>
    jobThat(
      'each-minute',
      async () => {
        runs.push(instance)
        return {}
      },
      { schedule: '* * * * *', isDueAtStart: false },
    )
  const workers = await Promise.all([
    startWorker(app, [jobOf('one')], often),
    startWorker(app, [jobOf('other')], often),
  ])
  await expect.poll(() => runs.length, { timeout: 100_000 }).toBeGreaterThan(0)
  await Promise.all(workers.map((worker) => worker.close()))

  const { rows } = await sql<{ state: string }>`
    select state::text from ${sql.table(`${jobSchema}.job`)}
    where singleton_key = 'each-minute' and name = ${jobQueue} and started_on is not null`.execute(app.db)
  expect(rows.map(({ state }) => state)).toEqual(runs.map(() => 'completed'))
})

test('a job that only a newer instance knows fails here, and is tried again', async () => {
  const { service, queue } = scene
  const worker = await startWorker(service.app, [], often)
  await enqueueJob(queue, 'of-a-newer-version')
  const states = async () => {
    const { rows } = await sql<{ state: string }>`
      select state::text from ${sql.table(`${jobSchema}.job`)} where singleton_key = 'of-a-newer-version'`.execute(
      service.app.db,
    )
    return rows.map(({ state }) => state)
  }
  await expect.poll(states).toEqual(['retry'])
  await worker.close()
})

test('a job fetched after the shutdown has begun is not run here', async () => {
  const { service, queue } = scene
  const { app } = service
  // Creates the queue.
  await (await startWorker(app, [], often)).close()
  await enqueueJob(queue, 'late')
  const asked = Promise.withResolvers<void>()
  const isEnding = Promise.withResolvers<void>()
  // The database answers after the shutdown signal.
  const late: PgBoss = Object.create(queue, {
    fetch: {
      async value(...words: Parameters<PgBoss['fetch']>) {
        asked.resolve()
        await isEnding.promise
        return queue.fetch(...words)
      },
    },
  })
  const ran: unknown[] = []
  const taking = takeJobs(late, {
    log: app.log,
    pollSeconds: 1,
    async run({ data }) {
      ran.push(data)
      return { isOk: true, output: {} }
    },
  })
  await asked.promise
  const ended = taking.end()
  isEnding.resolve()
  await ended

  const { rows } = await sql`
    select state::text from ${sql.table(`${jobSchema}.job`)} where singleton_key = 'late'`.execute(app.db)
  expect(rows).toEqual([{ state: 'active' }])
  expect(ran).toEqual([])
})

test('a job that another instance took over, or that took too long, is aborted here and not completed here', async () => {
  const { service, queue } = scene
  const { app } = service
  // Creates the queue.
  await (await startWorker(app, [], often)).close()
  await enqueueJob(queue, 'lost')
  const began = Promise.withResolvers<void>()
  const aborted = Promise.withResolvers<void>()
  const taking = takeJobs(queue, {
    log: app.log,
    pollSeconds: 1,
    heartbeatSeconds: 0.2,
    async run(_queued, signal) {
      began.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      aborted.resolve()
      return { isOk: true, output: {} }
    },
  })
  await began.promise
  // Like another instance that takes over a job without heartbeat.
  const job = sql.table(`${jobSchema}.job`)
  await sql`update ${job} set retry_count = retry_count + 1 where singleton_key = 'lost'`.execute(app.db)

  await aborted.promise
  await taking.end()
  const { rows } = await sql`select state::text from ${job} where singleton_key = 'lost'`.execute(app.db)
  expect(rows).toEqual([{ state: 'active' }])
})
