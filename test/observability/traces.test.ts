import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { PgBoss } from 'pg-boss'
import { afterEach, expect, test } from 'vitest'

import { withSpan } from '../../src/logging/spans.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { runProgram } from '../support/services/packages/run-program.ts'
import { startService } from '../support/service/start-service.ts'
import type { ReceivedSpan } from '../support/logs/trace-collector.ts'
import { tracedService } from '../support/logs/traced-service.ts'
import { enqueueJob, queueAddress } from '../../src/database/work/job-queue.ts'

const scene = tracedService({ OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=a%20test' })
afterEach(() => scene.toS3.setFault({ kind: 'none' }))

const route = '/api/v1/security-firms/:firm_id/documents'
const named = (requestId: string, more: Record<string, string> = {}) => ({
  headers: { 'x-request-id': requestId, ...more },
})

/** The whole trace of a request, after its last span has arrived. */
async function traceOf(requestId: string): Promise<{ root: ReceivedSpan; spans: ReceivedSpan[] }> {
  const rootOf = () => scene.collector.spans().find(({ facts }) => facts['request_id'] === requestId)
  await expect.poll(rootOf).toBeDefined()
  const root = rootOf()
  if (root === undefined) throw new Error('the request left no span')
  return { root, spans: scene.collector.spans().filter(({ traceId }) => traceId === root.traceId) }
}

test('an upload is one trace, from the request to each statement and each call to S3', async () => {
  await uploadDocument(scene.service.url, scene.firm, scene.admin, named('traced-upload'))
  const { root, spans } = await traceOf('traced-upload')

  expect(root).toMatchObject({ name: `POST ${route}`, kind: 2 })
  expect(root.parentSpanId ?? '').toBe('')
  expect(root.facts).toMatchObject({
    'service.name': 'paniq-documents',
    'deployment.environment.name': 'a test',
    'http.request.method': 'POST',
    'http.route': route,
    'http.response.status_code': 201,
    outcome: 'ok',
  })
  const parentOf = (name: string) => {
    const span = spans.find((each) => each.name === name)
    return spans.find(({ spanId }) => spanId === span?.parentSpanId)?.name
  }
  expect(parentOf('receive file')).toBe(root.name)
  expect(parentOf('store file')).toBe(root.name)
  expect(parentOf('s3 write')).toBe('store file')
  expect(parentOf('s3 put_object')).toBe('s3 write')
  expect(parentOf('sql reserve upload')).toBe(root.name)
  expect(parentOf('sql commit upload')).toBe('store file')
  const put = spans.find(({ name }) => name === 's3 put_object')
  expect(put?.facts).toMatchObject({ outcome: 'ok', attempt: 1, s3_request_id: expect.stringMatching(/^\S{8,}$/) })
  expect(spans.find(({ name }) => name === 'store file')?.facts).toMatchObject({ store: 's3', outcome: 'ok' })
})

test('a caller’s trace continues here, and its decision not to sample is respected', async () => {
  const [traceId, parent] = [randomUUID().replaceAll('-', ''), '00f067aa0ba902b7']
  const unsaved = randomUUID().replaceAll('-', '')
  await uploadDocument(
    scene.service.url,
    scene.firm,
    scene.admin,
    named('unkept', { traceparent: `00-${unsaved}-${parent}-00` }),
  )
  await uploadDocument(
    scene.service.url,
    scene.firm,
    scene.admin,
    named('called', { traceparent: `00-${traceId}-${parent}-01` }),
  )
  const { root, spans } = await traceOf('called')

  expect(root).toMatchObject({ traceId, parentSpanId: parent })
  expect(spans.length).toBeGreaterThan(5)
  expect(scene.collector.spans().filter((span) => span.traceId === unsaved)).toEqual([])
})

test.each(['', 'nonsense', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, `01-${'a'.repeat(32)}-b-01`])(
  'an invalid traceparent begins a new trace: %j',
  async (traceparent) => {
    const requestId = randomUUID()
    await (
      await callDocuments(scene.service.url, scene.firm, scene.admin, '', named(requestId, { traceparent }))
    ).text()
    const { root } = await traceOf(requestId)

    expect(root.parentSpanId ?? '').toBe('')
    expect(root.facts['outcome']).toBe('ok')
  },
)

test('a failed request has its error code in the span, and every log line has the trace id', async () => {
  const start = scene.service.logLines.length
  const answer = await uploadFile(scene.service.url, scene.firm, scene.admin, {
    bytes: Buffer.from('none'),
    ...named('traced-refusal'),
  })
  await answer.text()
  await uploadDocument(scene.service.url, scene.firm, scene.admin, named('traced-lines'))
  const refused = await traceOf('traced-refusal')
  const { root } = await traceOf('traced-lines')

  expect(refused.root.facts).toMatchObject({ outcome: 'unsupported_type', 'http.response.status_code': 415 })
  const lines = scene.service.logLines.slice(start).map((line) => JSON.parse(line) as Record<string, unknown>)
  const operations = lines.filter((line) => line['event'] === 's3_operation' && line['request_id'] === 'traced-lines')
  expect(operations.map((line) => line['trace_id'])).toEqual([root.traceId])
})

test('a job belongs to the trace of the request that enqueued it', async () => {
  const { tracing } = scene.service.app
  if (tracing === undefined) throw new Error('nothing is traced')
  const name = 'traced-job'
  const job = { name, description: 'Is traced.', schedule: '0 0 1 1 *', isDueAtStart: false, run: async () => ({}) }
  const worker = await startWorker(scene.service.app, [job], { pollSeconds: 1 })
  const queue = new PgBoss({ ...queueAddress(scene.service.app.databaseConnection), migrate: false, supervise: false })
  await queue.start()
  const asking = tracing.begin('asks for a job', { kind: 'server', traceparent: undefined, facts: {} })
  await withSpan(asking, () => enqueueJob(queue, name))
  asking.end('ok')

  const run = () => scene.collector.spans().find((span) => span.name === `job ${name}`)
  await expect.poll(run).toMatchObject({ traceId: asking.traceId, kind: 5 })
  expect(run()?.parentSpanId).toBe(asking.traceparent.split('-')[2])
  await queue.stop({ graceful: false })
  await worker.close()
})

test('probes of the service and of S3 belong to no trace', async () => {
  await (await fetch(`${scene.service.url}/readyz`)).text()
  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
  await uploadDocument(scene.service.url, scene.firm, scene.admin, named('met-outage'))
  const probes = () =>
    scene.service.logLines.filter(
      (line) => line.includes('"s3_operation"') && !line.includes('"request_id":"met-outage"'),
    )
  const before = probes().length
  await expect.poll(() => probes().length).toBeGreaterThan(before)
  const { spans } = await traceOf('met-outage')

  expect(spans.filter(({ name }) => name === 's3 put_object').map(({ facts }) => facts['outcome'])).toEqual([
    'unavailable',
  ])
  expect(spans.find(({ name }) => name === 'store file')?.facts['store']).toBe('local')
  expect(scene.collector.spans().filter(({ name }) => /readyz|healthz|metrics/.test(name))).toEqual([])
})

test('a collector that is down delays no answer, and is logged once', async () => {
  const alone = await startService({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  })
  const { firm, admin } = await firmWithAdmin(alone)
  const logged = () => alone.logLines.filter((line) => line.includes('traces_not_sent'))
  await uploadDocument(alone.url, firm, admin)
  await expect.poll(logged).toHaveLength(1)
  await uploadDocument(alone.url, firm, admin)
  await alone.stop()

  expect(logged()).toHaveLength(1)
})

test('without an endpoint nothing of OpenTelemetry is loaded', async () => {
  const script = join(import.meta.dirname, 'list-loaded.ts')
  const loaded = async (endpoint: string) =>
    JSON.parse(await runProgram(process.execPath, [script, endpoint])) as { telemetry: number; all: number }

  const off = await loaded('')
  expect(off.all).toBeGreaterThan(100)
  expect(off.telemetry).toBe(0)
  expect((await loaded('http://127.0.0.1:1')).telemetry).toBeGreaterThan(3)
})
