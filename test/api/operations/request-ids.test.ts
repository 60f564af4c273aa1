import { Agent, request as httpRequest } from 'node:http'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { FirmId } from '../../../src/vocabulary.ts'
import { uploadFile } from '../../support/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'
import { type FreshBucket, freshBucket } from '../../support/fresh-bucket.ts'
import { makePdf } from '../../support/make-files.ts'
import { makeFirm, makeMember, type Person } from '../../support/people.ts'
import { s3Settings } from '../../support/s3-settings.ts'
import { startService, type TestService } from '../../support/start-service.ts'

const megabyte = 1024 * 1024

let bucket: FreshBucket
let database: FreshDatabase
let toS3: FaultProxy
let toDatabase: FaultProxy
let service: TestService
let firm: FirmId
let admin: Person

beforeAll(async () => {
  bucket = await freshBucket()
  database = await freshDatabase()
  const [s3, postgres] = [new URL(bucket.s3.endpoint), new URL(database.url)]
  toS3 = await startFaultProxy({ host: s3.hostname, port: Number(s3.port) })
  toDatabase = await startFaultProxy({ host: postgres.hostname, port: Number(postgres.port) })
  service = await startService({
    ...s3Settings(bucket, `http://127.0.0.1:${toS3.port}`),
    DATABASE_URL: Object.assign(postgres, { host: `127.0.0.1:${toDatabase.port}` }).href,
    MAX_UPLOAD_BYTES: String(40 * megabyte),
  })
  firm = await makeFirm(service.app)
  admin = await makeMember(service.app, firm)
})
afterAll(async () => {
  await service.stop()
  await toS3.close()
  await toDatabase.close()
  await database.drop()
  await bucket.remove()
})

type Line = Record<string, unknown>
const linesSince = (start: number) => service.logLines.slice(start).map((line): Line => JSON.parse(line))
const named = (requestId: string) => ({ headers: { 'x-request-id': requestId } })
const wholeAnswer = async (answer: Response) => void (await answer.arrayBuffer())

test('every call to S3 that a large file takes carries the id of its upload, and S3’s own', async () => {
  const start = service.logLines.length
  const answer = await uploadFile(service.url, firm, admin, {
    bytes: makePdf({ bytes: 30 * megabyte }),
    ...named('large-1'),
  })
  await wholeAnswer(answer)
  const calls = linesSince(start).filter(({ event }) => event === 's3_operation')

  expect(answer.status).toBe(201)
  expect(calls.map(({ operation }) => operation)).toContain('upload_part')
  expect(calls.map(({ request_id }) => request_id)).toEqual(calls.map(() => 'large-1'))
  expect(calls.map((call) => call['s3_request_id'])).toEqual(calls.map(() => expect.stringMatching(/^\S{8,}$/)))
})

test('two bodies that come slowly on one connection are logged each under its own id', async () => {
  const start = service.logLines.length
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  // What is asked then fails inside the handler, and is logged there.
  await sql`alter table registered_users rename to registered_elsewhere`.execute(service.app.db)
  try {
    await logInSlowly('slow-1', agent)
    await logInSlowly('slow-2', agent)
  } finally {
    await sql`alter table registered_elsewhere rename to registered_users`.execute(service.app.db)
    agent.destroy()
  }

  const failed = linesSince(start).filter(({ event }) => event === 'request_failed')
  expect(failed.map(({ request_id }) => request_id)).toEqual(['slow-1', 'slow-2'])
})

test('the upload that met an outage of S3 is in the lines of its own work, and in none of the probes after it', async () => {
  const start = service.logLines.length
  toS3.setFault({ kind: 'refuse' })
  await toS3.cutAll()
  const answer = await uploadFile(service.url, firm, admin, named('outage-1'))
  await wholeAnswer(answer)
  const failedProbe = () => linesSince(start).filter((line) => line['event'] === 's3_operation' && !line['request_id'])
  await expect.poll(failedProbe).not.toEqual([])
  toS3.setFault({ kind: 'none' })
  const back = () => linesSince(start).filter(({ event }) => event === 's3_back')
  await expect.poll(back).toHaveLength(1)

  expect(answer.status).toBe(201)
  const ofUpload = linesSince(start).filter((line) => line['request_id'] === 'outage-1')
  const operations = ofUpload.filter(({ event }) => event === 's3_operation')
  expect(operations).toHaveLength(1)
  expect(ofUpload.map(({ event }) => event)).toEqual(
    expect.arrayContaining(['s3_out', 's3_upload_failed', 'document_access', 'request']),
  )
  expect(back()[0]).not.toHaveProperty('request_id')
})

test('a connection to the database that breaks later is not the work of the request that opened it', async () => {
  await Promise.all(
    ['open-1', 'open-2', 'open-3'].map(async (id) =>
      wholeAnswer(await uploadFile(service.url, firm, admin, named(id))),
    ),
  )
  const start = service.logLines.length
  await toDatabase.cutAll()

  const lost = () => linesSince(start).filter(({ event }) => event === 'database_connection_lost')
  await expect.poll(lost).not.toEqual([])
  expect(lost().filter((line) => 'request_id' in line)).toEqual([])
})

function logInSlowly(requestId: string, agent: Agent): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-request-id': requestId }
  const options = { method: 'POST', headers, agent }
  return new Promise((resolve, reject) => {
    const login = httpRequest(`${service.url}/api/v1/auth/login`, options, (answer) => {
      answer.resume().once('end', resolve)
    })
    login.once('error', reject)
    login.write('{"email": "thandi@people.example",', () =>
      setTimeout(() => login.end('"password": "some words"}'), 50),
    )
  })
}
