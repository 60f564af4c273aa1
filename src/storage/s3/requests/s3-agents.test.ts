import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { freeBytes } from '../../../files/file-system.ts'
import { createS3Agents } from './s3-agents.ts'

const sent = randomBytes(1024 * 1024)
const times = 24

test('the memory of a large answer is free once its reader has freed it, and the connection stays open', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': sent.length })
    response.end(sent)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const agents = createS3Agents({ maxConnections: 1 })
  onTestFinished(() => {
    agents.close()
    server.close()
  })
  let connections = 0
  server.on('connection', () => connections++)
  // Listening on a port, so the address is no path.
  const { port } = server.address() as AddressInfo
  const before = process.memoryUsage().arrayBuffers

  for (let time = 0; time < times; time++) {
    const [response]: IncomingMessage[] = await once(get({ port, host: '127.0.0.1', agent: agents.http }), 'response')
    let read = 0
    for await (const chunk of (response ?? []) as AsyncIterable<Buffer>) {
      expect(chunk.equals(sent.subarray(read, read + chunk.length))).toBe(true)
      read += chunk.length
      freeBytes(chunk)
    }
    expect(read).toBe(sent.length)
  }

  expect(connections).toBe(1)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * sent.length)
})
