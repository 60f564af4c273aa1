import { sql } from 'kysely'
import { expect, test } from 'vitest'

import type { JobStateShape, ReadinessShape, StatusShape } from '../../src/contract/operations.ts'
import { type Job, verifySample } from '../../src/worker/jobs.ts'
import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { makePerson } from '../support/people/people.ts'
import { serviceOfTwoRoles } from './two-roles-scene.ts'

const scene = serviceOfTwoRoles()

const polling = { interval: 200 }
const ask = (headers: Record<string, string>) => fetch(`${scene.service.url}/api/v1/admin/status`, { headers })

async function seeStatus(): Promise<StatusShape> {
  const answer = await ask(scene.administrator.headers)
  expect(answer.status).toBe(200)
  return (await answer.json()) as StatusShape
}

async function seeJob(name: string): Promise<JobStateShape | undefined> {
  return (await seeStatus()).jobs.find((job) => job.name === name)
}

async function readiness(): Promise<ReadinessShape> {
  return (await (await fetch(`${scene.service.url}/readyz`)).json()) as ReadinessShape
}

/** One of the plan's jobs, so that it is shown. */
async function runAs(name: string, run: Job['run']): Promise<void> {
  const worker = await startWorker(scene.service.app, [{ name, description: 'Is tried.', schedule: '0 0 1 1 *', run }])
  await expect
    .poll(() => seeJob(name), polling)
    .toMatchObject({ running_since: null, last_outcome: expect.any(String) })
  await worker.close()
}

test('without a token it is 401, and without the role of an administrator 403', async () => {
  const nobody = await ask({})
  const somebody = await ask((await makePerson(scene.service.app)).headers)

  expect([nobody.status, somebody.status]).toEqual([401, 403])
  expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
})

test('every job has its description and schedule and has never run; unconfigured parts are null', async () => {
  // The dependencies may not have answered yet.
  await expect.poll(async () => (await seeStatus()).status, polling).toBe('ready')
  const { jobs, ...status } = await seeStatus()

  expect(jobs.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['verify-sample', 'purge', 'scan-waiting', 'seal-audit-trail', 'keep-audit-head', 'verify']),
  )
  for (const job of jobs) expect(job.does).toMatch(/^[A-Z].{20,}\.$/)
  expect(jobs.find(({ name }) => name === 'purge')).toMatchObject({
    by: 'one_instance',
    schedule: '23 2 * * *',
    last_outcome: null,
    next_run_at: expect.stringMatching(/T02:23:00\.000Z$/),
    overdue_seconds: 0,
  })
  expect(status).toMatchObject({
    instance: scene.service.app.instance,
    status: 'ready',
    stores: { new_files_go_to: 'local', s3: null, waiting_for_s3: { count: 0, oldest_seconds: 0 } },
    scanner: null,
    trash: { documents: { count: 0 } },
    audit: { last_seal: null, are_heads_kept: false },
    verification: null,
    database: { last_migration: expect.stringMatching(/^00\d\d-/) },
  })
})

test('each check says since when its state lasts, which readiness leaves out', async () => {
  const before = await seeStatus()
  const after = await seeStatus()

  expect(after.checks).toEqual(before.checks)
  for (const { since } of Object.values(after.checks))
    expect(Date.parse(since)).toBeLessThanOrEqual(Date.parse(after.looked_at) + 1000)
  for (const check of Object.values((await readiness()).checks))
    expect(Object.keys(check)).toEqual(['state', 'message'])
})

test('a successful job is shown with its instance and its result', async () => {
  await runAs('purge', async () => ({ purged: 3 }))

  const job = await seeJob('purge')
  expect(job).toMatchObject({ last_instance: scene.service.app.instance, last_outcome: 'ok', last_did: { purged: 3 } })
  expect(job?.last_succeeded_at).toBe(job?.last_ended_at)
  expect(Date.parse(job?.last_started_at ?? '')).toBeLessThanOrEqual(Date.parse(job?.last_ended_at ?? ''))
})

test('a failed job has a prepared sentence as its reason, and still the time of its last success', async () => {
  await runAs('sum-up-firms', async () => ({}))
  const before = await seeJob('sum-up-firms')
  await runAs('hold-objects', async () => {
    throw new Error('could not reach postgres://paniq:s3cr3t@db', { cause: new Error('it does not answer') })
  })
  const failed = await seeJob('hold-objects')

  expect(failed).toMatchObject({
    last_outcome: 'failed',
    last_error: expect.stringMatching(/^It failed for a reason that the log of that instance has, at \S+Z\.$/),
    last_succeeded_at: null,
  })
  expect(before?.last_error).toBeNull()
})

test('a task of each disk is shown with its disk', async () => {
  const tending = startLocalDiskTasks(scene.service.app)
  await expect.poll(() => seeJob('collect'), polling).toMatchObject({ last_outcome: 'ok' })
  await tending.close()

  const { storeId } = scene.service.app.stores.local
  for (const name of ['drain', 'collect', 'hash', 'scan', 'finish-uploads'])
    expect(await seeJob(name)).toMatchObject({
      by: 'each_disk',
      disk: storeId,
      last_instance: scene.service.app.instance,
    })
})

test('a job that was due and did not run is late: in the status, in readyz and in the metrics', async () => {
  await sql`
    insert into document_runs (task, known_since) values ('verify-sample', now() - interval '3 days')
    on conflict (task, place) do update set known_since = excluded.known_since`.execute(scene.service.app.db)

  await expect.poll(async () => (await readiness()).status, polling).toBe('degraded')
  const { checks, jobs } = await readiness()
  expect(checks.jobs).toEqual({ state: 'failed', message: 'Overdue: verify-sample.' })
  expect(jobs.filter((job) => job.is_overdue).map(({ name }) => name)).toEqual(['verify-sample'])
  expect(JSON.stringify({ checks, jobs })).not.toContain(scene.service.app.instance)
  expect((await seeJob('verify-sample'))?.overdue_seconds).toBeGreaterThan(24 * 3600)
  const figures = await readMetrics(scene.service.url)
  expect(figures.valueOf('paniq_documents_job_overdue_seconds', 'task="verify-sample"')).toBeGreaterThan(24 * 3600)
  expect(figures.valueOf('paniq_documents_job_overdue_seconds', 'task="purge"')).toBe(0)
  expect(figures.valueOf('paniq_documents_job_last_run_ok', 'task="purge"')).toBe(1)
  expect(figures.valueOf('paniq_documents_job_last_run_ok', 'task="hold-objects"')).toBe(0)
  expect(figures.valueOf('paniq_documents_job_last_success_timestamp_seconds', 'task="hold-objects"')).toBeUndefined()
})

test('a job that was due while no worker ran runs at the next start, and is then not late', async () => {
  const worker = await startWorker(scene.service.app, [verifySample])
  await expect.poll(() => seeJob('verify-sample'), polling).toMatchObject({ last_outcome: 'ok', overdue_seconds: 0 })
  await worker.close()

  expect((await seeStatus()).verification).toMatchObject({ is_complete: true, files: 0 })
  await expect.poll(async () => (await readiness()).status, polling).toBe('ready')
})

test('work that an operator started is shown from its own record', async () => {
  await sql`
    insert into document_verifications (share, reads, is_complete, files, bytes, findings)
    values (1, true, false, 17, 4711, '{"missing": 2}')`.execute(scene.service.app.db)

  expect(await seeJob('verify')).toMatchObject({
    by: 'outside',
    schedule: null,
    last_outcome: 'failed',
    last_error: expect.stringContaining('ended before'),
    last_did: { files: 17, missing: 2 },
  })
})
