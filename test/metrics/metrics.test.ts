import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, test } from 'vitest'

import { inconclusiveReasons } from '../../src/scanner/scanner.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { serviceBehindProxies } from '../support/service/service-behind-proxies.ts'
import { startService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles } from '../support/database/two-roles.ts'
import { readMetrics } from './read-metrics.ts'
import { jobSchema } from '../../src/database/work/job-queue.ts'

const scene = serviceBehindProxies({}, freshDatabaseOfTwoRoles)

test('an upload and a download are counted: requests by pattern, bytes by store, calls to S3', async () => {
  const bytes = makePdf({ bytes: 20_000 })
  const { id } = await uploadDocument(scene.service.url, scene.firm, scene.admin, { bytes })
  await callDocuments(scene.service.url, scene.firm, scene.admin, `/${id}/download`)
  await callDocuments(scene.service.url, scene.firm, undefined, `/${id}/download`)

  const figures = await readMetrics(scene.service.url)

  const documents = 'route="/api/v1/security-firms/:firm_id/documents'
  const requests = (labels: string) => figures.valueOf('paniq_documents_http_request_duration_seconds_count', labels)
  expect(requests(`${documents}",method="POST",status_class="2xx"`)).toBe(1)
  expect(requests(`${documents}/:id/download",method="GET",status_class="3xx"`)).toBe(1)
  expect(requests(`${documents}/:id/download",method="GET",status_class="4xx"`)).toBe(1)
  expect(figures.valueOf('paniq_documents_upload_bytes_total', 'store="s3",outcome="ok"')).toBe(20_000)
  expect(figures.valueOf('paniq_documents_upload_size_bytes_bucket', 'le="16384",store="s3",outcome="ok"')).toBe(0)
  expect(figures.valueOf('paniq_documents_upload_size_bytes_bucket', 'le="65536",store="s3",outcome="ok"')).toBe(1)
  expect(
    figures.valueOf('paniq_documents_s3_operation_duration_seconds_count', 'operation="put_object",outcome="ok"'),
  ).toBe(1)
  expect(figures.text).not.toContain(id)
  expect(figures.text).not.toContain(scene.firm)
})

test('unknown addresses are one pattern, however many are requested', async () => {
  for (const path of ['/wp-login.php', '/api/v1/nothing', `/${'x'.repeat(500)}`])
    await fetch(`${scene.service.url}${path}`)

  const { text } = await readMetrics(scene.service.url)

  expect(text).toMatch(
    /paniq_documents_http_request_duration_seconds_count\{route="unknown",method="GET",status_class="4xx"\} 3/,
  )
  expect(text).not.toMatch(/wp-login|xxx/)
})

test('an upload that its store rejected is counted as such, and so are the failed calls', async () => {
  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
  const taken = await uploadFile(scene.service.url, scene.firm, scene.admin, { bytes: makePdf({ bytes: 30_000 }) })
  const figures = await readMetrics(scene.service.url)

  expect(taken.status).toBe(201)
  expect(figures.valueOf('paniq_documents_s3_available')).toBe(0)
  expect(figures.valueOf('paniq_documents_uploads_without_s3_total', 'reason="no_answer",goes_to="local"')).toBe(1)
  expect(figures.valueOf('paniq_documents_uploads_without_s3_total', 'reason="no_bucket",goes_to="local"')).toBe(0)
  const waiting = async () => (await readMetrics(scene.service.url)).valueOf('paniq_documents_fallback_files')
  await expect.poll(waiting).toBe(1)
  expect((await readMetrics(scene.service.url)).valueOf('paniq_documents_fallback_oldest_seconds')).toBeGreaterThan(0)
  expect(figures.valueOf('paniq_documents_upload_size_bytes_count', 'store="local",outcome="ok"')).toBe(1)
  expect(figures.valueOf('paniq_documents_upload_size_bytes_count', 'store="s3",outcome="unavailable"')).toBe(1)
  expect(figures.valueOf('paniq_documents_upload_bytes_total', 'store="s3",outcome="unavailable"')).toBe(30_000)
  const failed = 'operation="put_object",outcome="unavailable"'
  expect(figures.valueOf('paniq_documents_s3_operation_duration_seconds_count', failed)).toBeGreaterThan(0)

  scene.toS3.setFault({ kind: 'none' })
  const isAvailable = async () => (await readMetrics(scene.service.url)).valueOf('paniq_documents_s3_available')
  await expect.poll(isAvailable).toBe(1)
})

test('a denied login is counted, and a malformed body is not', async () => {
  const logIn = async (body: object) =>
    fetch(`${scene.service.url}/api/v1/auth/login`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  const before = (await readMetrics(scene.service.url)).valueOf('paniq_documents_failed_logins_total')
  const refused = await logIn({ email: 'nobody@people.example', password: 'wrong password' })
  const unread = await logIn({ email: 7 })

  const after = (await readMetrics(scene.service.url)).valueOf('paniq_documents_failed_logins_total')

  expect([refused.status, unread.status]).toEqual([401, 422])
  expect([before, after]).toEqual([0, 1])
})

test('open uploads, waiting jobs and holds are shown', async () => {
  const read = () => readMetrics(scene.service.url)
  // A database that did not answer in time is queried again.
  await expect.poll(async () => (await read()).valueOf('paniq_documents_database_up')).toBe(1)
  const figures = await read()

  expect(figures.valueOf('paniq_documents_database_connections', 'state="waiting"')).toBe(0)
  expect(
    (figures.valueOf('paniq_documents_database_connections', 'state="in_use"') ?? 0) +
      (figures.valueOf('paniq_documents_database_connections', 'state="idle"') ?? 0),
  ).toBeGreaterThan(0)
  expect(figures.valueOf('paniq_documents_upload_memory_bytes', 'kind="used"')).toBe(0)
  expect(figures.valueOf('paniq_documents_upload_memory_bytes', 'kind="limit"')).toBe(
    scene.service.app.budget.totalBytes,
  )
  expect(figures.valueOf('paniq_documents_process_cpu_seconds_total')).toBeGreaterThan(0)
  expect(figures.valueOf('paniq_documents_process_resident_memory_bytes')).toBeGreaterThan(0)
})

test('an unfinished upload is counted as open, and a resumable one, which may wait for its client, is not', async () => {
  const { service, firm } = scene
  const open = async () => (await readMetrics(service.url)).valueOf('paniq_documents_open_uploads')
  const before = (await open()) ?? 0
  await sql`
    insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state)
    values (${firm}, gen_random_uuid(), gen_random_uuid(), 's3', 'security_firms/left_behind', 'incoming')`.execute(
    service.app.db,
  )
  const ofAdmin = await firmWithAdmin(service)
  const begun = await fetch(`${service.url}/api/v1/security-firms/${ofAdmin.firm}/uploads`, {
    method: 'POST',
    headers: {
      ...ofAdmin.admin.headers,
      'tus-resumable': '1.0.0',
      'upload-length': '5000000',
      'upload-metadata': `filename ${btoa('licence.pdf')},document_type ${btoa('security_license')}`,
    },
  })
  expect(begun.status).toBe(201)
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from document_blobs where state = 'incoming'`.execute(service.app.db)

  await expect.poll(open, { interval: 200 }).toBe(before + 1)
  expect(rows[0]?.count).toBe(before + 2)
})

test('memory used by a running upload is shown until it ends', async () => {
  const giveBack = await scene.service.app.budget.reserve(1000)
  const during = await readMetrics(scene.service.url)
  giveBack()
  const after = await readMetrics(scene.service.url)

  expect(during.valueOf('paniq_documents_upload_memory_bytes', 'kind="used"')).toBe(1000)
  expect(after.valueOf('paniq_documents_upload_memory_bytes', 'kind="used"')).toBe(0)
})

test('an event in the default partition raises the metric of the alert', async () => {
  expect(await figure('paniq_documents_events_without_month')).toBe(0)

  await asOwner(`insert into document_events (occurred_at, action, outcome, request_id, personal_commitment)
    values ('1999-12-31T23:59:59Z', 'test', 'ok', '', sha256(''))`)

  await expect.poll(() => figure('paniq_documents_events_without_month'), { interval: 200 }).toBe(1)
})

test('existing partitions for future audit events are counted', async () => {
  expect(await figure('paniq_documents_event_months_ahead')).toBe(3)

  await asOwner(`drop table document_events_${monthFromNow(3)}`)

  await expect.poll(() => figure('paniq_documents_event_months_ahead'), { interval: 200 }).toBe(2)
})

test('jobs are counted by queue and state, except finished ones', async () => {
  const worker = await startWorker(scene.service.app)
  // Except a job that the schedule enqueues in this very minute.
  const done = async () => {
    const { rows } = await sql<{ state: string }>`
      select state::text from ${sql.table(`${jobSchema}.job`)} where singleton_key = 'housekeeping' and singleton_on is not null`.execute(
      scene.service.app.db,
    )
    return rows.map(({ state }) => state)
  }
  await expect.poll(done).toEqual(['completed'])
  await worker.close()
  await sql`insert into ${sql.table(`${jobSchema}.job`)} (name, singleton_key, state) values ('maintenance', 'housekeeping', 'failed')`.execute(
    scene.service.app.db,
  )

  const failed = async () =>
    (await readMetrics(scene.service.url)).valueOf('paniq_documents_jobs', 'queue="housekeeping",state="failed"')
  await expect.poll(failed, { interval: 200 }).toBe(1)
  expect((await readMetrics(scene.service.url)).text).not.toContain('state="completed"')
})

test('without the database the service shows its own metrics, and no old counts', async () => {
  scene.toDatabase.setFault({ kind: 'refuse' })
  await scene.toDatabase.cutAll()
  const up = async () => (await readMetrics(scene.service.url)).valueOf('paniq_documents_database_up')
  await expect.poll(up, { interval: 200 }).toBe(0)

  const figures = await readMetrics(scene.service.url)
  scene.toDatabase.setFault({ kind: 'none' })
  await expect.poll(up, { interval: 200 }).toBe(1)

  expect(figures.valueOf('paniq_documents_open_uploads')).toBeUndefined()
  expect(figures.valueOf('paniq_documents_events_without_month')).toBeUndefined()
  expect(figures.valueOf('paniq_documents_jobs', 'queue="housekeeping",state="failed"')).toBeUndefined()
  expect(figures.valueOf('paniq_documents_process_cpu_seconds_total')).toBeGreaterThan(0)
})

test('no secret of the settings is in the metrics', async () => {
  await uploadFile(scene.service.url, scene.firm, scene.admin, { fileName: 'secret name.pdf' })
  const { text } = await readMetrics(scene.service.url)

  const { accessKeyId, secretAccessKey } = scene.bucket.s3.app
  const password = new URL(scene.database.settings.DATABASE_URL).password
  for (const secret of [
    accessKeyId,
    secretAccessKey,
    password,
    scene.bucket.name,
    scene.admin.id,
    scene.admin.email,
    'secret name',
  ])
    expect(text).not.toContain(secret)
})

test('every reason of an undecided scan starts at zero, so that the first one is an increase', async () => {
  const scanning = await startService({ CLAMD_URL: 'tcp://127.0.0.1:1' })
  try {
    const figures = await readMetrics(scanning.url)
    for (const reason of inconclusiveReasons)
      expect(figures.valueOf('paniq_documents_scans_undecided_total', `reason="${reason}"`)).toBe(0)
  } finally {
    await scanning.stop()
  }
})

async function figure(name: string): Promise<number | undefined> {
  return (await readMetrics(scene.service.url)).valueOf(name)
}

async function asOwner(statement: string): Promise<void> {
  const client = new Client(scene.service.app.ownerConnection)
  await client.connect()
  await client.query(statement)
  await client.end()
}

/** For example `2026_11`. */
function monthFromNow(ahead: number): string {
  const now = new Date()
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
  return month.toISOString().slice(0, 7).replace('-', '_')
}
