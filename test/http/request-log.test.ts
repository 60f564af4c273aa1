import { connect } from 'node:net'

import { afterAll, beforeAll, expect, test } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let bucket: FreshBucket
let service: TestService
let firm: FirmId
let admin: Person

beforeAll(async () => {
  bucket = await freshBucket()
  service = await startService(s3Settings(bucket))
  firm = await makeFirm(service.app)
  admin = await makeMember(service.app, firm)
})
afterAll(async () => {
  await service.stop()
  await bucket.remove()
})

type Line = Record<string, unknown>

/** The events of one request, after the last of them, `request`, was logged. */
async function eventsOf(requestId: string): Promise<Line[]> {
  const lines = () =>
    service.logLines.map((line): Line => JSON.parse(line)).filter((line) => line['request_id'] === requestId)
  await expect.poll(() => lines().map((line) => line['event'])).toContain('request')
  return lines()
}

const named = (requestId: string, headers: Record<string, string> = {}) => ({ ...headers, 'x-request-id': requestId })

test('an upload logs one event for the request, one for the access, and one for each S3 call, all with its id', async () => {
  const { id } = await uploadDocument(service.url, firm, admin, { headers: named('upload-1') })

  const events = await eventsOf('upload-1')

  expect(events.filter(({ event }) => event === 'request')).toEqual([
    expect.objectContaining({
      level: 'info',
      method: 'POST',
      route: '/api/v1/security-firms/:firm_id/documents',
      status: 201,
      duration_ms: expect.any(Number),
      bytes: expect.any(Number),
      request_bytes: expect.any(Number),
      action: 'document.uploaded',
      outcome: 'ok',
      document_id: id,
      firm_id: firm,
      user_id: admin.id,
    }),
  ])
  expect(events.filter(({ event }) => event === 's3_operation')).toEqual([
    expect.objectContaining({
      operation: 'put_object',
      bucket: bucket.name,
      key: expect.stringMatching(/^security_firms\//),
      bytes: expect.any(Number),
      duration_ms: expect.any(Number),
      attempt: 1,
      outcome: 'ok',
    }),
  ])
  expect(events.filter(({ event }) => event === 'document_access')).toEqual([])
})

test.each(['', '/download', '/events'])(
  'a view of a document%s logs one event for the request and one for the access',
  async (path) => {
    const { id } = await uploadDocument(service.url, firm, admin)
    const requestId = `look-${path.slice(1)}`

    await callDocuments(service.url, firm, admin, `/${id}${path}`, { headers: named(requestId) })

    const events = await eventsOf(requestId)
    expect(events).toEqual([
      expect.objectContaining({ event: 'request', outcome: 'ok', document_id: id, firm_id: firm, user_id: admin.id }),
    ])
  },
)

test('a request is logged by its route’s pattern, without query, token or ids', async () => {
  const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlLW9mLWEtbGluaw'
  await fetch(`${service.url}/api/v1/files/${token}?X-Amz-Signature=0123456789abcdef&secret=swordfish`, {
    headers: named('link-1', { authorization: 'Bearer opaque-swordfish', cookie: 'paniq_refresh=swordfish' }),
  })

  const events = await eventsOf('link-1')

  expect(events.find(({ event }) => event === 'request')).toMatchObject({ route: '/api/v1/files/:token', status: 403 })
  expect(JSON.stringify(events)).not.toMatch(/swordfish|0123456789abcdef|eyJ|c2lnbmF0/)
})

test('an unauthenticated request is logged too', async () => {
  await callDocuments(service.url, firm, undefined, '', { headers: named('nobody-1') })

  expect(await eventsOf('nobody-1')).toEqual([
    expect.objectContaining({ event: 'request', status: 401, level: 'info' }),
  ])
})

test('an unknown address is logged as unknown', async () => {
  await fetch(`${service.url}/wp-login.php?user=admin`, { headers: named('unknown-1') })

  const events = await eventsOf('unknown-1')

  expect(events).toEqual([expect.objectContaining({ event: 'request', route: 'unknown', status: 404 })])
  expect(JSON.stringify(events)).not.toContain('wp-login')
})

test('a client that disconnects before the answer is logged as aborted', async () => {
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(
    [
      `POST /api/v1/security-firms/${firm}/documents?document_type=registration_certificate HTTP/1.1`,
      'host: x',
      `authorization: ${admin.headers.authorization}`,
      'content-type: multipart/form-data; boundary=x',
      'content-length: 100000',
      'x-request-id: gone-1',
      '',
      '--x\r\ncontent-disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4',
    ].join('\r\n'),
    () => socket.resetAndDestroy(),
  )

  const request = (await eventsOf('gone-1')).find(({ event }) => event === 'request')

  expect(request).toMatchObject({ route: '/api/v1/security-firms/:firm_id/documents', aborted: true })
})

test('successful probes are logged at debug level', async () => {
  await fetch(`${service.url}/healthz`, { headers: named('probe-1') })

  expect(await eventsOf('probe-1')).toEqual([expect.objectContaining({ event: 'request', level: 'debug' })])
})

test('a log line has no field of earlier lines', async () => {
  const { id } = await uploadDocument(service.url, firm, admin)
  await callDocuments(service.url, firm, admin, `/${id}/download`, { headers: named('clean-1') })

  const request = (await eventsOf('clean-1')).find(({ event }) => event === 'request')

  expect(Object.keys(request ?? {}).toSorted()).toEqual(
    [
      'action',
      'bytes',
      'document_id',
      'duration_ms',
      'event',
      'firm_id',
      'hostname',
      'ip',
      'level',
      'method',
      'outcome',
      'own_request_id',
      'pid',
      'request_id',
      'route',
      'status',
      'time',
      'user_id',
    ].toSorted(),
  )
})
