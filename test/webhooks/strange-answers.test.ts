import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

import { expect, it, onTestFinished } from 'vitest'

import { createPoster } from '../../src/webhooks/send-post.ts'

/** The address of a receiver that answers every request with these bytes and leaves the connection open. */
async function answerWith(bytes: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.write(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  // the address of a TCP listener
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

it.each([
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n', 101],
  ['another protocol, without its name', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 101],
  ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na', null],
  ['no HTTP', '\0', null],
  ['a body without an end', `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'a'.repeat(100_000)}`, 200],
])('an attempt ends when the receiver answers with %s', async (_what, bytes, status) => {
  const post = createPoster({ isAllowed: () => true })
  expect(await post({ url: await answerWith(bytes), headers: {}, body: '{}' })).toMatchObject({ status })
})
