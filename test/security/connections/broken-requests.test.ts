import { afterAll, beforeAll, expect, it } from 'vitest'

import { startService, type TestService } from '../../support/service/start-service.ts'
import { openRaw } from '../../support/http/raw-connection.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const head = (...lines: string[]) => [...lines, '', ''].join('\r\n')

const broken: [string, string][] = [
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a method that is none', head('BREW /api/v1/auth/me HTTP/1.1', 'Host: a')],
  ['a header without a name', head('GET /api/v1/auth/me HTTP/1.1', 'Host: a', ': x')],
  ['a head that does not end', head('GET /api/v1/auth/me HTTP/1.1', 'Host: a', `X: ${'x'.repeat(70_000)}`)],
  [
    'a length beside chunks',
    head('POST /api/v1/auth/login HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  ],
  ['two lengths', head('POST /api/v1/auth/login HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Content-Length: 6')],
  ['a broken escape in the address', head('GET /api/v1/security-firms/%zz HTTP/1.1', 'Host: a', 'Connection: close')],
  [
    'an id of 3,000 characters',
    head(`GET /api/v1/security-firms/${'x'.repeat(3000)} HTTP/1.1`, 'Host: a', 'Connection: close'),
  ],
  [
    'a body that is no JSON',
    `${head('POST /api/v1/auth/login HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 1', 'Connection: close')}{`,
  ],
]

it.each(broken)('%s gets an error in the usual format', async (_what, bytes) => {
  const connection = await openRaw(service.url)
  await connection.send(bytes)
  const { status, head: answerHead, body } = await connection.answer

  const problem = JSON.parse(body) as Record<string, unknown>
  expect([400, 401, 414]).toContain(status)
  expect(answerHead).toMatch(/^content-type: application\/problem\+json/im)
  expect(answerHead).toContain(String(problem['request_id']))
  expect(answerHead).toMatch(/^x-content-type-options: nosniff$/im)
  expect(answerHead).toMatch(/^content-security-policy: default-src 'none';frame-ancestors 'none'$/im)
  expect(problem).toMatchObject({ status, code: expect.any(String), detail: problem['message'] })
  expect(problem['error_code']).toBe(problem['code'])
})

it.each([{}, { origin: 'https://elsewhere.example' }, { origin: 'x', 'access-control-request-method': 'POST' }])(
  'a preflight request (OPTIONS with %j) gets no more than its answer, and no other origin is allowed',
  async (headers) => {
    const answer = await fetch(`${service.url}/api/v1/security-firms`, {
      method: 'OPTIONS',
      headers: new Headers(Object.entries(headers)),
    })

    expect([answer.status, await answer.text()]).toEqual([204, ''])
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  },
)
