import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'
import { trackRequests } from '../../../src/http/connection/stop-serving.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import {
  asChunk,
  formStart,
  openRaw,
  serveWatched,
  uploadHead,
  type WatchedServer,
} from '../../support/http/raw-connection.ts'

let service: TestService
let watched: WatchedServer
beforeAll(async () => {
  service = await startService()
  watched = await serveWatched(service.app)
})
afterAll(async () => {
  await watched.stop()
  await service.stop()
})

const kib = 1024
const piece = Buffer.alloc(50 * kib, 'x')

it('a client without a token gets the answer while still sending 900 KB, and then the connection ends', async () => {
  const connection = await openRaw(watched.url)
  const head = uploadHead(crypto.randomUUID(), 'Bearer none', `Content-Length: ${900 * kib}`)
  await connection.send(head)
  for (let sent = 0; sent < 900 * kib; sent += piece.length) await connection.send(piece)
  const { status, head: answerHead, body } = await connection.answer

  expect(status).toBe(401)
  expect(answerHead).toMatch(/^connection: close$/im)
  expect(JSON.parse(body)).toMatchObject({ code: 'unauthenticated' })
})

it('a client without the right gets the answer too', async () => {
  const { firm } = await firmWithAdmin(service)
  const { admin: stranger } = await firmWithAdmin(service)
  const connection = await openRaw(watched.url)
  await connection.send(uploadHead(firm, stranger.headers.authorization, `Content-Length: ${900 * kib}`))
  for (let sent = 0; sent < 900 * kib; sent += piece.length) await connection.send(piece)
  const { status, body } = await connection.answer

  expect(status).toBe(403)
  expect(JSON.parse(body)).toMatchObject({ code: 'not_a_member' })
})

it('of 5 MB that a rejected client still sends about 1 MiB is read, then the connection is closed', async () => {
  const readBefore = watched.bytesRead()
  const connection = await openRaw(watched.url)
  await connection.send(uploadHead(crypto.randomUUID(), 'Bearer none', `Content-Length: ${5000 * kib}`))
  let isTaken = true
  for (let sent = 0; isTaken && sent < 5000 * kib; sent += piece.length) isTaken = await connection.send(piece)
  const { status } = await connection.answer

  const read = watched.bytesRead() - readBefore
  // The answer may be lost in the reset that follows it.
  expect([401, undefined]).toContain(status)
  expect(read).toBeGreaterThan(512 * kib)
  expect(read).toBeLessThan(1024 * kib + 512 * kib)
})

it('a rejected client that sends slowly is disconnected too', async () => {
  const connection = await openRaw(watched.url)
  await connection.send(uploadHead(crypto.randomUUID(), 'Bearer none', `Content-Length: ${900 * kib}`))
  // It would continue for five minutes. The limit of two seconds ends it.
  let sent = 0
  while (sent < 6000 && (await connection.send('x'))) {
    sent += 1
    await sleep(50)
  }

  expect((await connection.answer).status).toBe(401)
  expect(sent).toBeLessThan(6000)
})

it('listeners for the end of a response do not accumulate: Node prints no warning', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const warnings: Error[] = []
  const hear = (warning: Error) => void warnings.push(warning)
  process.on('warning', hear)
  const server = await buildApi(service.app)
  // Like the service, to shut down cleanly.
  trackRequests(server, new AbortController().signal)
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const connection = await openRaw(url)
  await connection.send(uploadHead(firm, admin.headers.authorization, 'Transfer-Encoding: chunked'))
  await connection.send(asChunk(`${formStart}%PDF-1.7\n`))
  for (let sent = 0; sent < 11 * 1024 * kib; sent += piece.length) if (!(await connection.send(asChunk(piece)))) break
  const { status } = await connection.answer
  await server.close()
  process.off('warning', hear)

  expect(status).toBe(413)
  expect(warnings.map(({ message }) => message)).toEqual([])
})
