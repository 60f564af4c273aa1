import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { startFaultProxy, type Fault } from './fault-proxy.ts'
import { makeNoise } from '../files/make-files.ts'

const document = makeNoise(300_000)

/** A server that receives a whole document and answers with the same bytes, behind a proxy with one fault. */
async function sendThrough(fault: Fault) {
  const received: Buffer[] = []
  let length = 0
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      received.push(chunk)
      length += chunk.length
      if (length === document.length) socket.end(document)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await startFaultProxy({ port: (server.address() as AddressInfo).port })
  proxy.setFault(fault)

  const client = connect({ host: '127.0.0.1', port: proxy.port })
  const answer = buffer(client).catch((error: NodeJS.ErrnoException) => error.code)
  client.write(document)
  return {
    client,
    answer,
    proxy,
    received: () => Buffer.concat(received),
    async close() {
      client.destroy()
      await proxy.close()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a connection without a fault carries every byte in both directions', async () => {
  const sent = await sendThrough({ kind: 'none' })

  expect(await sent.answer).toEqual(document)
  expect(sent.received()).toEqual(document)
  await sent.close()
})

test('a slow connection carries every byte in both directions', async () => {
  const sent = await sendThrough({ kind: 'slow', latencyMs: 1, bytesPerSecond: 5_000_000 })

  expect(await sent.answer).toEqual(document)
  await sent.close()
})

test.each([0, 1, 150_000, 299_999])(
  'a connection cut during the request delivers %i bytes to the server and an error to the client',
  async (afterBytes) => {
    const sent = await sendThrough({ kind: 'cut_up', afterBytes })

    expect(await sent.answer).toBe('ECONNRESET')
    await sent.close()
    expect(sent.received()).toEqual(document.subarray(0, afterBytes))
  },
)

test('a connection cut before the answer delivers everything to the server and an error to the client', async () => {
  const sent = await sendThrough({ kind: 'cut_down', afterBytes: 0 })

  expect(await sent.answer).toBe('ECONNRESET')
  expect(sent.received()).toEqual(document)
  await sent.close()
})

test('a refused connection is reset and the server receives nothing', async () => {
  const sent = await sendThrough({ kind: 'refuse' })

  expect(await sent.answer).toBe('ECONNRESET')
  expect(sent.received()).toHaveLength(0)
  await sent.close()
})

test('a hanging connection ends only when it is cut, and the server receives nothing', async () => {
  const sent = await sendThrough({ kind: 'hang' })
  // All bytes have been sent once the client has none left.
  await new Promise((resolve) => sent.client.write('', resolve))

  await sent.proxy.cutAll()

  expect(await sent.answer).toBe('ECONNRESET')
  expect(sent.received()).toHaveLength(0)
  expect(sent.proxy.connections()).toBe(1)
  await sent.close()
})

test('an open connection that hangs stays open, and the server receives nothing more', async () => {
  const sent = await sendThrough({ kind: 'swallow_answer' })
  await expect.poll(() => sent.received().length).toBe(document.length)
  sent.proxy.hangAll()
  // More than the buffers of connections: the proxy has read some of it.
  await new Promise((resolve) => sent.client.write(Buffer.alloc(30_000_000), resolve))
  expect(sent.client.readable).toBe(true)

  await sent.proxy.cutAll()

  expect(await sent.answer).toBe('ECONNRESET')
  await sent.close()
  expect(sent.received()).toHaveLength(document.length)
})

test('a swallowed answer delivers everything to the server and keeps the connection open', async () => {
  const sent = await sendThrough({ kind: 'swallow_answer' })
  await expect.poll(() => sent.received().length).toBe(document.length)
  expect(sent.client.readable).toBe(true)
  expect(sent.client.bytesRead).toBe(0)

  await sent.proxy.cutAll()

  expect(await sent.answer).toBe('ECONNRESET')
  await sent.close()
})
