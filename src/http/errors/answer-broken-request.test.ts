import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, it } from 'vitest'

import { answerBrokenRequest } from './answer-broken-request.ts'

async function answerTo(code: string, packet = 'GET / HTTP/1.1'): Promise<string> {
  const error = Object.assign(new Error('any'), { code, rawPacket: Buffer.from(packet) })
  const server = createServer((socket) => answerBrokenRequest(error, socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answer = await text(connect((server.address() as AddressInfo).port, '127.0.0.1')) // it listens on a port
  server.close()
  return answer
}

it('a late request and one with too long a head get their own messages', async () => {
  expect(await answerTo('ERR_HTTP_REQUEST_TIMEOUT')).toContain('did not arrive in time')
  expect(await answerTo('HPE_HEADER_OVERFLOW')).toContain('16 KB')
  expect(await answerTo('HPE_INVALID_METHOD')).toContain('not valid HTTP')
})

it('the response to HEAD has no body, which the client would read as the next response', async () => {
  const answer = await answerTo('HPE_INVALID_HEADER_TOKEN', 'HEAD / HTTP/1.1')
  expect(answer).toMatch(/^HTTP\/1\.1 400 .*\r\n\r\n$/s)
  expect(answer).not.toContain('{')
})
