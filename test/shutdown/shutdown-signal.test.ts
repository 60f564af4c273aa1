import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'

import type { StopTimes } from '../../src/http/connection/stop-serving.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { type FreshDatabase, freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { programVariables } from '../support/service/program-variables.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

let bucket: FreshBucket
let database: FreshDatabase
let proxy: FaultProxy
/** On the same database, to create people and to read the result. */
let beside: TestService
let firm: FirmId
let admin: Person

beforeAll(async () => {
  bucket = await freshBucket()
  database = await freshMigratedDatabase()
  const { hostname, port } = new URL(bucket.s3.endpoint)
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  beside = await startService({ DATABASE_URL: database.url })
})
afterAll(async () => {
  await beside.stop()
  await proxy.close()
  await database.drop()
  await bucket.remove()
})
beforeEach(async () => {
  proxy.setFault({ kind: 'none' })
  await proxy.cutAll()
  firm = await makeFirm(beside.app)
  admin = await makeMember(beside.app, firm)
})

type Running = {
  url: string
  folder: string
  child: ChildProcessByStdio<null, Readable, Readable>
  /** Its log so far. */
  log(): string
  ended: Promise<number | null>
}

/** The service in its own process, with S3 behind the proxy. */
async function startChild(times: Omit<StopTimes, 'quietMs'>): Promise<Running> {
  const stopTimes: StopTimes = { quietMs: 500, ...times }
  const folder = await makePassableFolder('paniq-ending-')
  const script = fileURLToPath(new URL('serve-impatiently.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(stopTimes)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...programVariables(),
      ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`),
      DATABASE_URL: database.url,
      JWT_SECRET_KEY: beside.app.config.jwtSecret,
      MAX_UPLOAD_BYTES: '60000000',
      PORT: '0',
    },
  })
  const ended = once(child, 'close').then(() => child.exitCode)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  let said = ''
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (log += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  await expect.poll(() => said).toMatch(/Try next/)
  const [, url = ''] = /answers at (\S+)$/m.exec(said) ?? []
  return { url, folder, child, log: () => log, ended }
}

async function versions() {
  return beside.app.db.selectFrom('document_versions').selectAll().where('firm_id', '=', firm).execute()
}

async function openUploads() {
  return beside.app.db
    .selectFrom('document_blobs')
    .selectAll()
    .where('firm_id', '=', firm)
    .where('state', '=', 'incoming')
    .execute()
}

async function untilUploadIsOpen(count = 1): Promise<void> {
  await expect.poll(async () => (await openUploads()).length).toBe(count)
}

/** A form cut off after its beginning. */
async function sendBeginning({ url }: Running, file: Buffer, bytes: number): Promise<Socket> {
  const head = Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n')
  const length = head.length + file.length + '\r\n--b--\r\n'.length
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(
    `POST /api/v1/security-firms/${firm}/documents?document_type=tax_clearance HTTP/1.1\r\nHost: x\r\nAuthorization: ${admin.headers.authorization}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${length}\r\n\r\n`,
  )
  socket.write(Buffer.concat([head, file.subarray(0, bytes)]))
  return socket
}

const small = makePdf({ bytes: 200_000 })
const large = makePdf({ bytes: 30_000_000 })

test('after a shutdown signal it is unready at once, serves for a moment, and then accepts no connection', async () => {
  const service = await startChild({ acceptMs: 5000, hearMs: 0, finishMs: 10_000, cutMs: 5000, fallbackMs: 10_000 })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const before = await get(`${service.url}/readyz`, agent)
  expect(before).toMatchObject({ status: 200, connection: 'keep-alive' })

  service.child.kill('SIGTERM')
  await expect.poll(async () => (await get(`${service.url}/readyz`, agent)).status).toBe(503)
  const after = await get(`${service.url}/readyz`, agent)
  expect(after.connection).toBe('close')
  expect(JSON.parse(after.body)).toMatchObject({ status: 'stopping' })
  await expect(uploadDocument(service.url, firm, admin)).resolves.toMatchObject({ storage: 's3' })

  expect(await service.ended).toBe(0)
  await expect(fetch(`${service.url}/healthz`)).rejects.toThrow('fetch failed')
  expect(service.log()).not.toContain('stopping_late')
})

test('a client that connected just before that is answered', async () => {
  const service = await startChild({ acceptMs: 0, hearMs: 30_000, finishMs: 10_000, cutMs: 5000, fallbackMs: 10_000 })
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const answer = text(socket)
  // When it answers a client that connected later, it has accepted this one.
  await fetch(`${service.url}/healthz`)
  service.child.kill('SIGTERM')
  await expect.poll(() => fetch(`${service.url}/healthz`).catch(() => 'closed')).toBe('closed')
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')

  expect(await answer).toMatch(/^HTTP\/1.1 200 [^]*\r\nconnection: close\r\n/i)
  expect(await service.ended).toBe(0)
})

test('an idle connection does not delay the shutdown', async () => {
  const service = await startChild({ acceptMs: 0, hearMs: 100, finishMs: 600_000, cutMs: 5000, fallbackMs: 10_000 })
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  await once(socket, 'connect')
  await fetch(`${service.url}/healthz`)
  service.child.kill('SIGTERM')

  expect(await service.ended).toBe(0)
  expect(service.log()).not.toContain('stopping_late')
})

test('a running upload is completed', async () => {
  const service = await startChild({ acceptMs: 0, hearMs: 0, finishMs: 30_000, cutMs: 5000, fallbackMs: 10_000 })
  const socket = await sendBeginning(service, large, 10_000_000)
  const answer = text(socket)
  await untilUploadIsOpen()
  service.child.kill('SIGTERM')
  await expect.poll(() => fetch(`${service.url}/healthz`).catch(() => 'closed')).toBe('closed')
  socket.write(Buffer.concat([large.subarray(10_000_000), Buffer.from('\r\n--b--\r\n')]))

  expect(await answer).toMatch(/^HTTP\/1.1 201 /)
  expect(await service.ended).toBe(0)
  expect(await versions()).toMatchObject([{ store: 's3', is_fallback: false, file_size: large.length }])
})

test.each([
  ['small', small, 1500],
  // The body must be complete within that time.
  ['large', large, 5000],
])(
  'a %s file that came whole and still waits for S3 goes to the disk, and is answered',
  async (_size, file, finishMs) => {
    const service = await startChild({ acceptMs: 0, hearMs: 0, finishMs, cutMs: 5000, fallbackMs: 20_000 })
    proxy.setFault({ kind: 'hang' })
    await proxy.cutAll()
    const uploading = uploadDocument(service.url, firm, admin, { bytes: file })
    await untilUploadIsOpen()
    service.child.kill('SIGTERM')

    expect(await uploading).toMatchObject({ storage: 'local', file_size: file.length })
    expect(await service.ended).toBe(0)
    expect(await versions()).toMatchObject([{ store: 'local', is_fallback: true }])
    const files = (await listFolder(join(service.folder, 'uploads'))).filter(({ path }) => path.endsWith('.pdf'))
    expect(files).toMatchObject([{ size: file.length }])
    expect(service.log()).toContain('"reason":"ending"')
  },
)

test('an incomplete upload is cut off, and leaves nothing', async () => {
  const service = await startChild({ acceptMs: 0, hearMs: 0, finishMs: 1500, cutMs: 5000, fallbackMs: 10_000 })
  const socket = await sendBeginning(service, large, 20_000_000)
  const answer = text(socket).catch(() => 'reset')
  await untilUploadIsOpen()
  service.child.kill('SIGTERM')

  expect(await service.ended).toBe(0)
  expect(await answer).not.toContain('201')
  expect(await versions()).toEqual([])
  expect(await openUploads()).toEqual([])
  expect((await listBucket(bucket.client, bucket.name)).filter(({ key }) => key.includes(firm))).toEqual([])
  expect((await listFolder(join(service.folder, 'uploads'))).filter(({ path }) => path.includes(firm))).toEqual([])
  expect(await listFolder(join(service.folder, 'data', 'spool'))).toEqual([])
})

test('a second signal ends it at once', async () => {
  const service = await startChild({
    acceptMs: 600_000,
    hearMs: 0,
    finishMs: 600_000,
    cutMs: 5000,
    fallbackMs: 600_000,
  })
  service.child.kill('SIGTERM')
  await expect.poll(() => service.log()).toContain('"event":"stopping"')
  await new Promise((resolve) => void setTimeout(resolve, 400))
  service.child.kill('SIGTERM')

  expect(await service.ended).toBe(128 + 15)
})

async function get(url: string, agent: Agent): Promise<{ status: number; connection: string; body: string }> {
  const asking = request(url, { agent })
  asking.end()
  // the first and only argument of the event
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  return {
    status: answer.statusCode ?? 0,
    connection: answer.headers.connection ?? '',
    body: await text(answer),
  }
}
