import { setTimeout as sleep } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { listStored } from './list-stored.ts'
import { asChunk, formEnd, formStart, openRaw, uploadHead } from '../../support/http/raw-connection.ts'

/** Long enough for an upload on a busy machine, and short enough to wait for. */
const maxSilenceSeconds = 4

let service: TestService
let server: FastifyInstance
let url: string
beforeAll(async () => {
  service = await startService({ MAX_UPLOAD_BYTES: '60000000' })
  server = await buildApi(service.app, { maxSilenceSeconds })
  url = await server.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await server.close()
  await service.stop()
})

const stalled: [string, string, (Buffer | string)[]][] = [
  ['before its form begins', 'Content-Length: 10000000', []],
  ['before its file begins', 'Content-Length: 10000000', ['--cut\r\n']],
  ['inside a small file', 'Content-Length: 10000000', [formStart, makePdf({ bytes: 8000 })]],
  ['inside a large file', 'Transfer-Encoding: chunked', [formStart, makePdf({ bytes: 300_000 })].map(asChunk)],
  ['after its file', 'Transfer-Encoding: chunked', [formStart, makePdf(), '\r\n--cut\r\n'].map(asChunk)],
]

it.each(stalled)(
  'an upload that stalls %s is ended with the reason, and uses no memory or disk',
  async (_where, header, pieces) => {
    const { firm, admin } = await firmWithAdmin(service)
    const before = await listStored(service)
    const connection = await openRaw(url)
    await connection.send(uploadHead(firm, admin.headers.authorization, header))
    for (const piece of pieces) await connection.send(piece)
    const { status, body } = await connection.answer

    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ code: 'bad_request', detail: expect.stringContaining('stalled') })
    expect(service.app.budget.free()).toBe(service.app.budget.totalBytes)
    expect(await listStored(service)).toEqual(before)
  },
)

it('an upload with pauses that are each shorter than the limit is accepted', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const file = makePdf({ bytes: 6000 })
  const connection = await openRaw(url)
  const length = formStart.length + file.length + formEnd.length
  await connection.send(uploadHead(firm, admin.headers.authorization, `Content-Length: ${length}`, 'Connection: close'))
  await connection.send(formStart)
  for (let from = 0; from < file.length; from += 1000) {
    await connection.send(file.subarray(from, from + 1000))
    await sleep(maxSilenceSeconds * 200)
  }
  await connection.send(formEnd)

  expect((await connection.answer).status).toBe(201)
})

it('memory and disk of many stalled uploads are free after they are ended', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const held = Array.from({ length: 12 }, async () => {
    const connection = await openRaw(url)
    await connection.send(uploadHead(firm, admin.headers.authorization, 'Content-Length: 10000000'))
    await connection.send(Buffer.concat([Buffer.from(formStart), makePdf({ bytes: 8000 })]))
    return connection
  })
  const connections = await Promise.all(held)
  while (service.app.budget.free() > 30_000_000 || service.app.spool.bytes() === 0) await sleep(20)
  const ended = await Promise.all(connections.map(({ answer }) => answer))

  expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 400))
  expect(service.app.budget.free()).toBe(service.app.budget.totalBytes)
  expect(service.app.spool.bytes()).toBe(0)
})

it('a stalled JSON body loses its connection', async () => {
  const connection = await openRaw(url)
  await connection.send(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"',
  )

  // Resolves once the other side has ended the connection.
  expect((await connection.answer).status).toBeUndefined()
})

it('a shutdown waits for a stalled body only up to that limit', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const ending = await buildApi(service.app, { maxSilenceSeconds })
  const endingUrl = await ending.listen({ host: '127.0.0.1', port: 0 })
  const upload = await openRaw(endingUrl)
  await upload.send(uploadHead(firm, admin.headers.authorization, 'Content-Length: 10000000'))
  await upload.send(Buffer.concat([Buffer.from(formStart), makePdf({ bytes: 8000 })]))
  while (service.app.budget.free() === service.app.budget.totalBytes) await sleep(20)

  await ending.close()

  expect((await upload.answer).status).toBe(400)
})

it('the largest file at 20 KB/s completes, and an upload without end is ended', () => {
  const { requestTimeout } = server.server

  expect(requestTimeout).toBeGreaterThan((60_000_000 / 20_000) * 1000)
  expect(requestTimeout).toBeLessThan(2 * (60_000_000 / 20_000) * 1000)
})
