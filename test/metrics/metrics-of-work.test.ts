import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { makeFirm, makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { readMetrics } from './read-metrics.ts'
import { jobSchema } from '../../src/database/work/job-queue.ts'

// As in production, the service's role owns nothing, so the metrics need all their grants.
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

test('a queue shows the number of waiting jobs and how long the oldest has been runnable', async () => {
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

test('attempts at jobs and runs of tasks are timed by outcome', async () => {
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

test('mails that wait or were given up are counted, here and in the status, with the age of the oldest', async () => {
  await run(sql`
    insert into document_mails (id, kind, recipient, queued_at, due_at, given_up_at, sent_at) values
      (gen_random_uuid(), 'password_reset', 'a@people.example', now() - interval '2 hours', now(), null, null),
      (gen_random_uuid(), 'password_reset', 'b@people.example', now(), now() + interval '1 hour', null, null),
      (gen_random_uuid(), 'password_reset', 'c@people.example', now() - interval '9 hours', null, now(), null),
      (gen_random_uuid(), 'password_reset', 'd@people.example', now() - interval '9 hours', null, null, now())`)

  await expect.poll(() => figure('paniq_documents_mails_waiting'), polling).toBe(2)
  expect(await figure('paniq_documents_mails_failed')).toBe(1)
  const age = (await figure('paniq_documents_mails_waiting_oldest_seconds')) ?? 0
  expect(age).toBeGreaterThan(7190)
  expect(age).toBeLessThan(7300)
  const { headers } = await makePerson(service.app, { role: 'admin' })
  const answer = await fetch(`${service.url}/api/v1/admin/status`, { headers })
  expect(await answer.json()).toMatchObject({
    mail: { is_on: false, waiting: { count: 2, oldest_seconds: expect.any(Number) }, failed: 1 },
  })
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

test('at most ten thousand rows are counted', async () => {
  await run(sql`
    insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, created_at)
    select ${firm}, gen_random_uuid(), gen_random_uuid(), 's3', 'left/' || n, 'incoming', now() - interval '1 minute'
    from generate_series(1, 10050) n`)

  await expect.poll(() => figure('paniq_documents_open_uploads'), polling).toBe(10_000)
  expect(await figure('paniq_documents_open_uploads_oldest_seconds')).toBeGreaterThan(50)
})

test('the last backup is shown with its time and whether it is complete', async () => {
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

test('the last verification is shown with its time and whether it is complete', async () => {
  expect(await figure('paniq_documents_verification_last_complete')).toBeUndefined()
  await run(sql`
    insert into document_verifications (share, reads, is_complete, files, bytes, findings)
    values (1, true, false, 17, 4711, '{"missing": 2}')`)

  await expect.poll(() => figure('paniq_documents_verification_last_versions'), polling).toBe(17)
  expect(await figure('paniq_documents_verification_last_complete')).toBe(0)
  expect(await figure('paniq_documents_verification_findings', 'kind="missing"')).toBe(2)
})

test('events that wait for enabled webhooks, and webhooks that the service disabled, are counted, here and in the status', async () => {
  await run(sql`
    insert into document_webhooks (id, url, events, sealed_secret, created_by, created_at, enabled, disabled_reason) values
      ('00000000-0000-4000-8000-000000000001', 'https://a.example', '{}', '', gen_random_uuid(), now(), true, null),
      ('00000000-0000-4000-8000-000000000002', 'https://b.example', '{}', '', gen_random_uuid(), now(), false, 'gone'),
      ('00000000-0000-4000-8000-000000000003', 'https://c.example', '{}', '', gen_random_uuid(), now(), false, null)`)
  await run(sql`
    insert into document_webhook_deliveries (webhook_id, event, occurred_at, data, created_at, next_attempt_at)
    select ('00000000-0000-4000-8000-00000000000' || of)::uuid, 'document.expired', now(), '{}', now() - interval '2 hours', due
    from (values (1, now()), (1, now()), (1, null), (2, now()), (3, now())) as rows (of, due)`)

  await expect.poll(() => figure('paniq_documents_webhook_deliveries_waiting'), polling).toBe(2)
  expect(await figure('paniq_documents_webhooks_disabled')).toBe(1)
  const age = (await figure('paniq_documents_webhook_deliveries_waiting_oldest_seconds')) ?? 0
  expect(age).toBeGreaterThan(7190)
  const { headers } = await makePerson(service.app, { role: 'admin' })
  const answer = await fetch(`${service.url}/api/v1/admin/status`, { headers })
  expect(await answer.json()).toMatchObject({ webhooks: { waiting: { count: 2 }, disabled: 1 } })
})
