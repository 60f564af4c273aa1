import { Agent, request as httpRequest } from 'node:http'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { uploadFile } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { serviceBehindProxies } from '../support/service/service-behind-proxies.ts'

const megabyte = 1024 * 1024

const scene = serviceBehindProxies({ MAX_UPLOAD_BYTES: String(40 * megabyte) })

type Line = Record<string, unknown>
const linesSince = (start: number) => scene.service.logLines.slice(start).map((line): Line => JSON.parse(line))
const named = (requestId: string) => ({ headers: { 'x-request-id': requestId } })
const wholeAnswer = async (answer: Response) => void (await answer.arrayBuffer())

test('every S3 call of a large upload logs the request id and S3’s own id', async () => {
  const start = scene.service.logLines.length
  const answer = await uploadFile(scene.service.url, scene.firm, scene.admin, {
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

test('two slow bodies on one connection are logged under their own ids', async () => {
  const start = scene.service.logLines.length
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  // Later database calls then fail in the handler, and are logged there.
  await sql`alter table registered_users rename to registered_elsewhere`.execute(scene.service.app.db)
  try {
    await logInSlowly('slow-1', agent)
    await logInSlowly('slow-2', agent)
  } finally {
    await sql`alter table registered_elsewhere rename to registered_users`.execute(scene.service.app.db)
    agent.destroy()
  }

  const failed = linesSince(start).filter(({ event }) => event === 'request_failed')
  expect(failed.map(({ request_id }) => request_id)).toEqual(['slow-1', 'slow-2'])
})

test('an upload during an S3 outage is in its own log lines, and in no probe’s', async () => {
  const start = scene.service.logLines.length
  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
  const answer = await uploadFile(scene.service.url, scene.firm, scene.admin, named('outage-1'))
  await wholeAnswer(answer)
  const failedProbe = () => linesSince(start).filter((line) => line['event'] === 's3_operation' && !line['request_id'])
  await expect.poll(failedProbe).not.toEqual([])
  scene.toS3.setFault({ kind: 'none' })
  const back = () => linesSince(start).filter(({ event }) => event === 's3_back')
  await expect.poll(back).toHaveLength(1)

  expect(answer.status).toBe(201)
  const ofUpload = linesSince(start).filter((line) => line['request_id'] === 'outage-1')
  const operations = ofUpload.filter(({ event }) => event === 's3_operation')
  expect(operations).toHaveLength(1)
  expect(ofUpload.map(({ event }) => event)).toEqual(expect.arrayContaining(['s3_out', 's3_upload_failed', 'request']))
  expect(back()[0]).not.toHaveProperty('request_id')
})

test('a database connection that breaks later is not logged under the request that opened it', async () => {
  await Promise.all(
    ['open-1', 'open-2', 'open-3'].map(async (id) =>
      wholeAnswer(await uploadFile(scene.service.url, scene.firm, scene.admin, named(id))),
    ),
  )
  const start = scene.service.logLines.length
  await scene.toDatabase.cutAll()

  const lost = () => linesSince(start).filter(({ event }) => event === 'database_connection_lost')
  await expect.poll(lost).not.toEqual([])
  expect(lost().filter((line) => 'request_id' in line)).toEqual([])
})

function logInSlowly(requestId: string, agent: Agent): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-request-id': requestId }
  const options = { method: 'POST', headers, agent }
  return new Promise((resolve, reject) => {
    const login = httpRequest(`${scene.service.url}/api/v1/auth/login`, options, (answer) => {
      answer.resume().once('end', resolve)
    })
    login.once('error', reject)
    login.write('{"email": "thandi@people.example",', () =>
      setTimeout(() => login.end('"password": "some words"}'), 50),
    )
  })
}
