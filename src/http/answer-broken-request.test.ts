import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, it } from 'vitest'

import { answerBrokenRequest } from './answer-broken-request.ts'

async function answerTo(code: string): Promise<string> {
  const server = createServer((socket) => answerBrokenRequest(Object.assign(new Error('any'), { code }), socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answer = await text(connect((server.address() as AddressInfo).port, '127.0.0.1')) // it listens on a port
  server.close()
  return answer
}

it('a request that did not end in time, or was too long, hears just that, not that it was no HTTP', async () => {
  expect(await answerTo('ERR_HTTP_REQUEST_TIMEOUT')).toContain('too slowly')
  expect(await answerTo('HPE_HEADER_OVERFLOW')).toContain('16 KB')
  expect(await answerTo('HPE_INVALID_METHOD')).toContain('not valid HTTP')
})
