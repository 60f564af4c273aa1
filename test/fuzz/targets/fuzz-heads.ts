import * as fc from 'fast-check'

import { fillIn } from '../inputs/fill-in.ts'
import type { FuzzScene } from '../scene/fuzz-scene.ts'
import { places } from '../scene/fuzz-world.ts'
import { type Answer, AnswerCut, readAnswers } from '../scene/http-answers.ts'
import { judgeAnswer } from '../scene/judge-answer.ts'
import { mostly, oddBytes, oddText } from '../inputs/odd-text.ts'
import type { Batch } from '../scene/run-batches.ts'
import { cutAt, type Heard, sendBytes } from '../scene/send-bytes.ts'

const targets = ['/healthz', '/api/v1/auth/me', '/api/v1/security-firms/⟦firm⟧/documents', '/api/openapi.json']

const oddLine = fc.oneof(
  fc.constantFrom('GET', 'get /healthz HTTP/1.1', 'GET /healthz', 'GET  /healthz HTTP/1.1', 'GET /healthz HTTP/1.0'),
  fc.constantFrom(
    'GET /healthz HTTP/2.0',
    'GET /healthz HTTP/0.9',
    'GET /healthz HTTP/1.1 x',
    'GET\t/healthz\tHTTP/1.1',
  ),
  fc.constantFrom(
    'PRI * HTTP/2.0',
    'OPTIONS * HTTP/1.1',
    'CONNECT a:1 HTTP/1.1',
    'GET http://evil.example/healthz HTTP/1.1',
  ),
  fc.constantFrom(
    'GET //evil.example/healthz HTTP/1.1',
    'GET /%2e%2e/healthz HTTP/1.1',
    'GET ../healthz HTTP/1.1',
    'GET \\ HTTP/1.1',
  ),
  fc.constantFrom(
    `GET /${'a'.repeat(20_000)} HTTP/1.1`,
    `GET /${'a/'.repeat(3000)} HTTP/1.1`,
    `${'A'.repeat(5000)} / HTTP/1.1`,
  ),
  fc.constantFrom('\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'SSH-2.0-OpenSSH_9.6', 'EHLO a', '{"a":1}', ''),
  fc
    .record({ text: fc.oneof(oddText, oddBytes), target: fc.constantFrom(...targets) })
    .map(({ text, target }) => `GET ${target}?a=${text} HTTP/1.1`),
)

const oddHeader = fc.oneof(
  fc.constantFrom(
    'Host: a',
    'Host',
    ': a',
    'A:',
    'A :b',
    ' folded',
    '\tfolded',
    'A: b\rC: d',
    'A: b\nC: d',
    'A\0: b',
    'A: \0',
  ),
  fc.constantFrom(
    'Connection: keep-alive',
    'Connection: upgrade',
    'Connection: close, x',
    'Connection: host',
    'Keep-Alive: timeout=9',
  ),
  fc.constantFrom(
    'Transfer-Encoding: chunked',
    'Content-Length: 5',
    'Content-Length: 0',
    'Transfer-Encoding:\tchunked',
    'Trailer: Host',
  ),
  fc.constantFrom(
    'Expect: 100-continue',
    'Expect: a',
    'Upgrade: h2c',
    'Upgrade: websocket',
    'HTTP2-Settings: a',
    'Max-Forwards: 0',
  ),
  fc.constantFrom(
    `A: ${'b'.repeat(20_000)}`,
    `${'A'.repeat(20_000)}: b`,
    ...[50, 3000].map((count) => Array.from({ length: count }, (_, n) => `A${n}: b`).join('\r\n')),
  ),
  fc
    .record({
      name: fc.constantFrom('X-Request-Id', 'Authorization', 'Range', 'Cookie', 'X-Odd', 'Host'),
      value: fc.oneof(oddText, oddBytes),
    })
    .map(({ name, value }) => `${name}: ${value}`),
)

const head = fc
  .record({
    line: mostly(
      2,
      fc.constantFrom(...targets).map((target) => `GET ${target} HTTP/1.1`),
      oddLine,
    ),
    host: mostly(8, fc.constant<string[]>(['Host: documents.example']), fc.constant<string[]>([])),
    headers: fc.array(oddHeader, { maxLength: 3 }),
    token: fc.constantFrom([], ['Authorization: Bearer ⟦access.member⟧']),
    newline: mostly(8, fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\n ')),
    end: mostly(
      8,
      fc.constant('\r\n\r\n'),
      fc.constantFrom('', '\n\n', '\r\n', '\r\n\r\nhello', '\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
    ),
  })
  .map(({ line, host, headers, token, newline, end }) => `${[line, ...host, ...token, ...headers].join(newline)}${end}`)

const connection = fc.record({
  heads: mostly(3, fc.array(head, { minLength: 1, maxLength: 1 }), fc.array(head, { minLength: 2, maxLength: 5 })),
  cuts: fc.array(fc.nat(1000), { maxLength: 4 }),
})

/** Connections with one or more requests in HTTP or almost HTTP. */
export const headBatches: fc.Arbitrary<Batch> = fc
  .record({
    place: fc.constantFrom(...places),
    connections: fc.array(connection, { minLength: 1, maxLength: 40, size: 'max' }),
  })
  .map(({ place, connections }) => ({
    place,
    tries: connections.map(({ heads, cuts }) => ({
      words: () => `${JSON.stringify(heads.map((each) => each.slice(0, 500)))} cut at ${cuts.join()}`,
      run: (scene: FuzzScene) => say(heads, cuts, scene),
    })),
  }))

async function say(heads: string[], cuts: number[], scene: FuzzScene): Promise<Answer[]> {
  const last = 'GET /healthz HTTP/1.1\r\nHost: documents.example\r\nConnection: close\r\n\r\n'
  const text = fillIn([...heads, last].join(''), scene)
  // Characters up to 255 are sent as one byte, as in no valid text; others as UTF-8.
  const bytes = Buffer.concat(
    Array.from(text, (character) => Buffer.from(character, character < '\u0100' ? 'latin1' : 'utf8')),
  )
  const heard = await sendBytes(scene.service.url, { pieces: cutAt(bytes, cuts), ending: 'end' })
  if (heard.how === 'left_hanging') throw new Error('the connection was left hanging')
  const answers = readWhole(heard)
  for (const answer of answers) judgeAnswer(answer, scene.service)
  return answers
}

/**
 * A client that sends more after a request whose answer ends the connection may lose a part of that answer: the system
 * discards data in transit when a connection with unread input is closed.
 */
function readWhole({ bytes, how }: Heard): Answer[] {
  try {
    return readAnswers(bytes, [])
  } catch (error) {
    if (how === 'reset' && error instanceof AnswerCut) return []
    throw error
  }
}
