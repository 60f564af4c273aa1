import { statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { createGaugeReader } from '../../src/operations/measure-gauges.ts'
import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { serviceBehindProxies } from '../support/service/service-behind-proxies.ts'
import { readMetrics } from './read-metrics.ts'

const scene = serviceBehindProxies()

const figure = async (name: string, labels = '') => (await readMetrics(scene.service.url)).valueOf(name, labels)
const polling = { interval: 200 }

test('S3 operations and downloads from S3 are counted by store', async () => {
  const { id } = await uploadDocument(scene.service.url, scene.firm, scene.admin, { bytes: makePdf({ bytes: 20_000 }) })
  await callDocuments(scene.service.url, scene.firm, scene.admin, `/${id}/download`)

  expect(
    await figure('paniq_documents_store_operation_duration_seconds_count', 'store="s3",operation="write",outcome="ok"'),
  ).toBe(1)
  expect(await figure('paniq_documents_store_bytes_total', 'store="s3",direction="written"')).toBe(20_000)
  expect(await figure('paniq_documents_downloads_total', 'store="s3"')).toBe(1)
  expect(await figure('paniq_documents_downloads_total', 'store="local"')).toBe(0)
})

test('an error response is counted by its code, also at a login', async () => {
  const refused = await uploadFile(scene.service.url, scene.firm, scene.admin, {
    bytes: Buffer.from('no document'),
    fileName: 'a.pdf',
  })
  const login = await fetch(`${scene.service.url}/api/v1/auth/login`, {
    method: 'POST',
    body: JSON.stringify({ email: 'nobody@people.example', password: 'a wrong one' }),
    headers: { 'content-type': 'application/json' },
  })

  expect([refused.status, login.status]).toEqual([415, 401])
  const route = '/api/v1/security-firms/:firm_id/documents'
  expect(
    await figure('paniq_documents_error_responses_total', `route="${route}",method="POST",code="unsupported_type"`),
  ).toBe(1)
  // It must start at zero: a series that begins at 1 shows no increase, and raises no alert.
  expect(await figure('paniq_documents_error_responses_total', `route="${route}",method="POST",code="internal"`)).toBe(
    0,
  )
  expect(
    await figure(
      'paniq_documents_error_responses_total',
      'route="/api/v1/auth/login",method="POST",code="unauthenticated"',
    ),
  ).toBe(1)
})

test('an outage of S3, its end and the moves after it are counted', async () => {
  expect(await figure('paniq_documents_s3_outages_total', 'reason="no_answer"')).toBe(0)
  expect(await figure('paniq_documents_moves_total', 'to="s3",outcome="moved"')).toBe(0)
  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
  const { id } = await uploadDocument(scene.service.url, scene.firm, scene.admin, { bytes: makePdf({ bytes: 30_000 }) })
  const download = await callDocuments(scene.service.url, scene.firm, scene.admin, `/${id}/download`)
  await download.arrayBuffer()

  const local = 'store="local",direction='
  expect(await figure('paniq_documents_s3_outages_total', 'reason="no_answer"')).toBe(1)
  expect(await figure('paniq_documents_s3_recoveries_total')).toBe(0)
  expect(await figure('paniq_documents_store_bytes_total', `${local}"written"`)).toBe(30_000)
  await expect.poll(() => figure('paniq_documents_store_bytes_total', `${local}"read"`), polling).toBe(30_000)
  expect(
    await figure(
      'paniq_documents_store_operation_duration_seconds_count',
      'store="local",operation="read",outcome="ok"',
    ),
  ).toBe(1)
  expect(await figure('paniq_documents_downloads_total', 'store="local"')).toBe(1)

  scene.toS3.setFault({ kind: 'none' })
  await expect.poll(() => figure('paniq_documents_s3_recoveries_total'), polling).toBe(1)
  const tending = startLocalDiskTasks(scene.service.app)
  await expect.poll(() => figure('paniq_documents_moves_total', 'to="s3",outcome="moved"'), polling).toBe(1)
  await tending.close()
  expect(await figure('paniq_documents_moved_bytes_total', 'to="s3"')).toBe(30_000)
  expect(await figure('paniq_documents_moves_resumed_total')).toBe(0)
})

test('free space is reported for both folders, and for no disk that does not answer', async () => {
  const { bsize, blocks } = await statfs(join(scene.service.folder, 'uploads'))

  for (const folder of ['uploads', 'data']) {
    expect(await figure('paniq_documents_disk_free_bytes', `folder="${folder}"`)).toBeGreaterThan(0)
    expect(await figure('paniq_documents_disk_size_bytes', `folder="${folder}"`)).toBe(bsize * blocks)
  }
  const folders = { uploads: join(scene.service.folder, 'uploads'), data: join(scene.service.folder, 'not-mounted') }
  await createGaugeReader({ ...scene.service.app, folders, plan: [] })()
  const text = await scene.service.app.metrics.registry.metrics()
  expect(text).toMatch(/^paniq_documents_disk_free_bytes\{folder="uploads"\}/m)
  expect(text).not.toMatch(/folder="data"/)
})

test('metrics show the memory that uploads wait for and the bytes in the spool', async () => {
  const giveBack = await scene.service.app.budget.reserve(scene.service.app.budget.totalBytes)
  const waits = uploadFile(scene.service.url, scene.firm, scene.admin)
  await expect.poll(() => figure('paniq_documents_uploads_waiting'), polling).toBe(1)
  giveBack()
  expect((await waits).status).toBe(201)
  expect(await figure('paniq_documents_uploads_waiting')).toBe(0)

  const file = await scene.service.app.spool.open()
  await file.append(Buffer.alloc(1000))
  expect(await figure('paniq_documents_spool_bytes')).toBe(1000)
  await file.remove()
  expect(await figure('paniq_documents_spool_bytes')).toBe(0)
})

test('a request is in progress until its response is complete', async () => {
  const giveBack = await scene.service.app.budget.reserve(scene.service.app.budget.totalBytes)
  const waits = uploadFile(scene.service.url, scene.firm, scene.admin)
  // That request and this one.
  await expect.poll(() => figure('paniq_documents_http_requests_in_progress'), polling).toBe(2)
  giveBack()
  await waits
  await expect.poll(() => figure('paniq_documents_http_requests_in_progress'), polling).toBe(1)
})

test('statements are timed; timeouts and lost connections are counted by kind', async () => {
  const { db } = scene.service.app
  expect(await figure('paniq_documents_database_statement_duration_seconds_count')).toBeGreaterThan(10)
  expect(await figure('paniq_documents_database_connection_wait_seconds_count')).toBeGreaterThan(10)
  expect(await figure('paniq_documents_database_connections_max')).toBe(20)
  const failures = (kind: string) => figure('paniq_documents_database_failures_total', `kind="${kind}"`)
  expect([await failures('too_late'), await failures('unanswered'), await failures('connect')]).toEqual([0, 0, 0])

  const late = db.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = 50`.execute(trx)
    await sql`select pg_sleep(10)`.execute(trx)
  })
  await expect(late).rejects.toThrow('statement timeout')
  expect([await failures('too_late'), await failures('unanswered')]).toEqual([1, 0])

  const lost = sql`select pg_sleep(10)`.execute(db).catch((error: unknown) => error)
  await expect.poll(() => scene.service.app.countConnections().inUse, polling).toBeGreaterThan(0)
  scene.toDatabase.setFault({ kind: 'refuse' })
  await scene.toDatabase.cutAll()
  expect(await lost).toBeInstanceOf(Error)
  await expect(sql`select 1`.execute(db)).rejects.toThrow(/terminated|ECONN|closed/)
  scene.toDatabase.setFault({ kind: 'none' })
  expect(await failures('unanswered')).toBeGreaterThan(0)
  expect(await failures('connect')).toBeGreaterThan(0)
})

test('a rejected row is not a database failure', async () => {
  const failures = async () =>
    (await readMetrics(scene.service.url)).text.match(/^paniq_documents_database_failures_total.*$/gm)
  const before = await failures()
  await expect(sql`select 1 / 0`.execute(scene.service.app.db)).rejects.toThrow('division by zero')

  expect(before).toHaveLength(3)
  expect(await failures()).toEqual(before)
})
