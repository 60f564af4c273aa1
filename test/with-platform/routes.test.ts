import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { freshPlatformDatabase, type PlatformDatabase } from '../support/platform/platform-database.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { type RunningNginx, startNginx } from '../support/services/programs/nginx.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { askRaw } from './ask-raw.ts'
import { trickyPaths, defaultCalls } from './calls.ts'
import { nginxOfTheDocs } from './nginx-of-the-docs.ts'
import { startStubPlatform, type StubPlatform } from './stub-platform.ts'
import { type Member, writeMember } from './write-member.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

let folder: string
let database: PlatformDatabase
let service: TestService
let platform: StubPlatform
let nginx: RunningNginx
let port: number
let member: Member
beforeAll(async () => {
  folder = await makePassableFolder('paniq-routes-')
  database = await freshPlatformDatabase()
  service = await startService({ ...database.settings, TRUST_PROXY: '1' })
  platform = await startStubPlatform()
  ;[port = 0] = await findFreePorts(1)
  const ours = new URL(service.url).host
  const { http, server } = await nginxOfTheDocs({ folder, upstreams: [ours, ours] })
  const whole = `${http}
server {
  listen 127.0.0.1:${port};
  ${server}
  location / { proxy_pass http://127.0.0.1:${platform.port}; }
}`
  nginx = await startNginx({ folder, port, http: whole })
  member = await writeMember({ platform: database.platform, secret: service.app.config.jwtSecret ?? '' })
})
afterAll(async () => {
  await nginx.stop()
  await platform.close()
  await service.stop()
  await database.remove()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  platform.asked.length = 0
  service.logLines.length = 0
})

const throughNginx = () => `http://127.0.0.1:${port}`

/** The patterns of the routes that the service received. */
function routesAsked(): string[] {
  const events = service.logLines.map((line) => JSON.parse(line) as { event?: string; route?: string })
  return events.flatMap(({ event, route }) => (event === 'request' && route !== undefined ? [route] : []))
}

describe('calls of the platform’s clients', () => {
  it.each(defaultCalls)('$path is answered by the $owner', async ({ path, owner }) => {
    await askRaw(port, path)
    expect({ platform: platform.asked.map((each) => each.path), service: routesAsked().length }).toEqual(
      owner === 'platform' ? { platform: [path], service: 0 } : { platform: [], service: 1 },
    )
  })

  it('for every method', async () => {
    const documents = `${throughNginx()}/api/v1/security-firms/${member.firmId}/documents`
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])
      await (await fetch(documents, { method })).arrayBuffer()
    expect([platform.asked, routesAsked().length]).toEqual([[], 6])
  })
})

describe('an ambiguous path', () => {
  const ourRoute = /^\/api\/v1\/(security-firms\/:firm_id\/documents(\/.*)?|files\/:token)$/
  /** Like the platform's framework: decodes a path once, and resolves nothing in it. */
  const documentsOfPlatform = /^\/api\/v1\/security-firms\/[\da-f-]{36}\/documents(\/[\da-f-]{36}(\/.*)?)?\/?$/

  it.each(trickyPaths)('%s reaches neither a documents call of the platform nor another call of ours', async (path) => {
    const { status } = await askRaw(port, path)
    const seen = platform.asked.map((each) => decodeURIComponent(each.path.split(/[?#]/)[0] ?? ''))

    expect(status).toBeGreaterThan(0)
    expect(seen.filter((each) => documentsOfPlatform.test(each))).toEqual([])
    expect(routesAsked().filter((route) => route !== 'unknown' && !ourRoute.test(route))).toEqual([])
  })
})

describe('the size of a body', () => {
  const maxBytes = 10_485_760

  it('a file of exactly 10 MB is accepted with its form', async () => {
    const document = await uploadDocument(throughNginx(), member.firmId, member, {
      bytes: makePdf({ bytes: maxBytes }),
    })
    expect(document.file_size).toBe(maxBytes)
  })

  it.each([
    ['a byte more is refused by the service', maxBytes + 1],
    ['two megabytes more by nginx, in the same words', maxBytes + 2_000_000],
  ])('%s', async (_what, bytes) => {
    const answer = await uploadFile(throughNginx(), member.firmId, member, { bytes: makePdf({ bytes }) })
    const problem = await problemOf(answer)

    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      413,
      expect.stringMatching(/^application\/problem\+json/),
    ])
    expect(problem).toMatchObject({
      status: 413,
      code: 'too_large',
      error_code: 'too_large',
      title: 'Too large',
    })
    expect([problem.message, problem.request_id]).toEqual([problem.detail, expect.stringMatching(/^[\w-]{8,}$/)])
  })
})

it('a link to a file on the local disk works through nginx', async () => {
  const bytes = makePdf({ bytes: 5000 })
  const { id } = await uploadDocument(throughNginx(), member.firmId, member, { bytes })
  const link = await callDocuments(throughNginx(), member.firmId, member, `/${id}/download`, {
    headers: { accept: 'application/json' },
  })
  const { url } = (await link.json()) as { url: string }
  const file = await fetch(new URL(url, throughNginx()))

  expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
})

it('the trail has the address that nginx saw, whatever the client claims', async () => {
  const { id } = await uploadDocument(throughNginx(), member.firmId, member)
  const asking = request(`${throughNginx()}/api/v1/security-firms/${member.firmId}/documents/${id}/download`, {
    localAddress: '127.0.0.7',
    headers: { ...member.headers, 'x-forwarded-for': '203.0.113.9' },
  })
  asking.end()
  // the first and only argument of the event
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  await text(answer)

  const { rows } = await database.platform.query(
    `select host(ip::inet) as ip from document_trail where document_id = $1 and action = 'document.downloaded'`,
    [id],
  )
  expect([answer.statusCode, rows]).toEqual([200, [{ ip: '127.0.0.7' }]])
})

it('a client’s request id is passed on and returned; without one, a new one is used', async () => {
  const documents = `/api/v1/security-firms/${member.firmId}/documents`
  const named = await askRaw(port, documents, { 'x-request-id': 'from-the-app-1' })
  const unnamed = await askRaw(port, documents)
  await askRaw(port, '/api/v1/auth/me', { 'x-request-id': 'from-the-app-2' })

  expect(named.headers).toMatch(/^x-request-id: from-the-app-1$/im)
  expect(unnamed.headers).toMatch(/^x-request-id: [\w-]{8,}$/im)
  expect(platform.asked.map(({ headers }) => headers['x-request-id'])).toEqual(['from-the-app-2'])
})

it('an upload without a key gets its own from nginx; a client’s key is passed on', async () => {
  const before = await countKeys()
  const [first, second] = [await upload(), await upload()]
  const [third, again] = [await upload({ 'idempotency-key': 'mine' }), await upload({ 'idempotency-key': 'mine' })]

  expect([first === second, third === again]).toEqual([false, true])
  expect((await countKeys()) - before).toBe(3)
})

async function upload(headers: Record<string, string> = {}): Promise<string> {
  return (await uploadDocument(throughNginx(), member.firmId, member, { headers })).id
}

async function countKeys(): Promise<number> {
  const { rows } = await database.platform.query(
    'select count(*)::int as keys from document_idempotency_keys where firm_id = $1',
    [member.firmId],
  )
  return (rows as { keys: number }[])[0]?.keys ?? 0
}
