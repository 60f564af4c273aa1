import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { startWorker } from '../../src/worker/start-worker.ts'
import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { makeFirm } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { readMetrics } from './read-metrics.ts'
import { jobSchema } from '../../src/database/work/job-queue.ts'

// The service's role owns nothing here, as in production: what the figures look at must be granted.
let database: TwoRoles
let service: TestService
let firm: FirmId
beforeAll(async () => {
  database = await freshDatabaseOfTwoRoles()
  service = await startService(database.settings)
  firm = await makeFirm(service.app)
})
afterAll(async () => {
  await service.stop()
  await database.remove()
})

const figure = async (name: string, labels = '') => (await readMetrics(service.url)).valueOf(name, labels)
const run = async (statement: ReturnType<typeof sql>) => void (await statement.execute(service.app.db))
const runs = (labels: string) => figure('paniq_documents_job_duration_seconds_count', labels)
const polling = { interval: 200 }

test('a queue shows what waits in it and for how long somebody could have taken it', async () => {
  const worker = await startWorker(service.app, [
    { name: 'waits', description: 'Waits.', schedule: '0 0 1 1 *', isDueAtStart: false, run: async () => ({}) },
  ])
  await worker.close()
  const job = sql.table(`${jobSchema}.job`)
  await run(sql`
    insert into ${job} (name, singleton_key, state, start_after)
    values ('maintenance', 'waits', 'created', now() - interval '2 hours'),
      ('maintenance', 'waits', 'failed', now() - interval '9 hours')`)

  await expect.poll(() => figure('paniq_documents_jobs', 'queue="waits",state="created"'), polling).toBe(1)
  const age = (await figure('paniq_documents_jobs_oldest_seconds', 'queue="waits"')) ?? 0
  expect(age).toBeGreaterThan(7190)
  expect(age).toBeLessThan(7300)
  expect(await figure('paniq_documents_jobs', 'queue="waits",state="failed"')).toBe(1)
  expect(await figure('paniq_documents_jobs', 'queue="waits",state="retry"')).toBe(0)

  await run(
    sql`update ${job} set start_after = now() + interval '1 hour' where singleton_key = 'waits' and state = 'created'`,
  )
  await expect.poll(() => figure('paniq_documents_jobs_oldest_seconds', 'queue="waits"'), polling).toBe(0)
})

test('attempts at jobs and runs of tasks are timed by how they ended', async () => {
  const worker = await startWorker(service.app, [
    { name: 'goes-well', description: 'Goes well.', schedule: '0 0 1 1 *', run: async () => ({}) },
    {
      name: 'goes-wrong',
      description: 'Goes wrong.',
      schedule: '0 0 1 1 *',
      run: async () => {
        throw new Error('this job fails')
      },
    },
  ])
  const tending = startLocalDiskTasks(service.app)

  await expect.poll(() => runs('task="goes-well",outcome="ok"'), polling).toBe(1)
  await expect.poll(() => runs('task="goes-wrong",outcome="failed"'), polling).toBeGreaterThan(0)
  await expect.poll(() => runs('task="drain",outcome="ok"'), polling).toBeGreaterThan(0)
  await expect.poll(() => runs('task="collect",outcome="ok"'), polling).toBeGreaterThan(0)
  await worker.close()
  await tending.close()
})

test('open moves and copies into quarantine, due removals and quarantined files are counted, with the age of the oldest', async () => {
  await run(sql`
    with source as (
      insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state)
      values (${firm}, gen_random_uuid(), gen_random_uuid(), 'local', 'a', 'live') returning *
    )
    insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, source_id, created_at)
    select firm_id, document_id, version_id, 's3', 'b', 'incoming', id, now() - interval '1 hour' from source`)
  await run(sql`
    insert into document_blobs (firm_id, store, storage_key, state, due_at)
    values (${firm}, 's3', 'due', 'leaving', now() - interval '30 minutes'),
      (${firm}, 's3', 'later', 'leaving', now() + interval '1 day'), (${firm}, 's3', 'stays', 'leaving', null)`)
  await run(sql`
    insert into document_blobs (store, storage_key, state, source_key, bytes, reason)
    values ('s3', 'quarantine/orphan', 'quarantined', 'orphan', 1, 'a test'),
      ('s3', 'quarantine/infected', 'quarantined', 'infected', 1, 'a test'),
      ('s3', 'quarantine/begun', 'incoming', 'begun', 1, 'a test')`)

  await expect.poll(() => figure('paniq_documents_quarantined_files'), polling).toBe(2)
  expect(await figure('paniq_documents_open_moves')).toBe(2)
  expect(await figure('paniq_documents_open_uploads')).toBe(0)
  expect(await figure('paniq_documents_open_moves_oldest_seconds')).toBeGreaterThan(3590)
  expect(await figure('paniq_documents_due_removals')).toBe(1)
  expect(await figure('paniq_documents_due_removals_oldest_seconds')).toBeGreaterThan(1790)
  expect(await figure('paniq_documents_due_removals_oldest_seconds')).toBeLessThan(3600)
})

test('however many rows there are, no more than ten thousand are looked at', async () => {
  await run(sql`
    insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, created_at)
    select ${firm}, gen_random_uuid(), gen_random_uuid(), 's3', 'left/' || n, 'incoming', now() - interval '1 minute'
    from generate_series(1, 10050) n`)

  await expect.poll(() => figure('paniq_documents_open_uploads'), polling).toBe(10_000)
  expect(await figure('paniq_documents_open_uploads_oldest_seconds')).toBeGreaterThan(50)
})

test('the last backup says when it was finished, and whether it has all', async () => {
  expect(await figure('paniq_documents_backup_last_complete')).toBeUndefined()
  await run(sql`
    insert into document_backups (id, place, name, rows_only, ended_at, outcome)
    values (gen_random_uuid(), '/backups', 'one', true, now() - interval '1 day', 'lacking'),
      (gen_random_uuid(), '/backups', 'two', true, now(), 'failed')`)

  await expect.poll(() => figure('paniq_documents_backup_last_complete'), polling).toBe(0)
  expect(await figure('paniq_documents_backup_last_finished_timestamp_seconds')).toBeLessThan(
    Date.now() / 1000 - 80_000,
  )
})

test('the last verification says when it was, and whether it saw all', async () => {
  expect(await figure('paniq_documents_verification_last_complete')).toBeUndefined()
  await run(sql`
    insert into document_verifications (share, reads, is_complete, files, bytes, findings)
    values (1, true, false, 17, 4711, '{"missing": 2}')`)

  await expect.poll(() => figure('paniq_documents_verification_last_versions'), polling).toBe(17)
  expect(await figure('paniq_documents_verification_last_complete')).toBe(0)
  expect(await figure('paniq_documents_verification_findings', 'kind="missing"')).toBe(2)
})
