import { inspect } from 'node:util'

import { array, assert, constantFrom, dictionary, oneof, property, string } from 'fast-check'
import type { Logger } from 'pino'
import { expect, test } from 'vitest'

import { redact } from './redact.ts'
import { createLogger } from './logger.ts'
import { withLogContext } from './spans.ts'

function keepLines(isTerminal = false): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { log: createLogger({ level: 'info', isTerminal, destination }), lines }
}

const accessToken =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6MTc5NTUxNjIwMH0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const signature = 'fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024'
const sessionToken = 'FwoGZXIvYXdzEBYaDHhBTEXAMPLE'
const keyId = 'AKIAIOSFODNN7EXAMPLE'
const link = `https://b.s3.af-south-1.amazonaws.com/k?X-Amz-Credential=${keyId}%2F20261124%2Faf-south-1%2Fs3&X-Amz-Security-Token=${sessionToken}&X-Amz-Expires=3600&X-Amz-Signature=${signature}`

const middleOfKey = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEXAMPLE'
const privateKey = `-----BEGIN PRIVATE KEY-----\n${middleOfKey}\n-----END PRIVATE KEY-----\n`

/** Careless log calls, and the parts that must never appear in a log. */
const careless: [string, unknown, string[]][] = [
  ['a presigned link', link, [signature, keyId, sessionToken]],
  ['a presigned link within another address', `https://a.example/?to=${encodeURIComponent(link)}`, [signature, keyId]],
  [
    'the header that signs a call to S3',
    {
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${keyId}/20261124/s3, SignedHeaders=host, Signature=${signature}`,
      },
    },
    [signature, keyId],
  ],
  ['a header of temporary credentials', { 'x-amz-security-token': sessionToken }, [sessionToken]],
  [
    'a link of CloudFront',
    'https://d1.cloudfront.net/k?Expires=1&Signature=abc~def_&Key-Pair-Id=K2JCJMDEHXQW5F',
    ['abc~def_', 'K2JCJMDEHXQW5F'],
  ],
  ['a private key', privateKey, [middleOfKey]],
  ['a private key as one line', privateKey.replaceAll('\n', String.raw`\n`), [middleOfKey]],
  ['a private key of the old form', `it says -----BEGIN RSA PRIVATE KEY-----\n${middleOfKey}`, [middleOfKey]],
  ['a private key in an object as Node shows it', inspect({ pem: privateKey }), [middleOfKey]],
  ['an access token', accessToken, [accessToken.slice(40, 80), 'dBjftJeZ4CVP']],
  ['an access token without a signature', `${accessToken.slice(0, 80)}.`, [accessToken.slice(40, 79)]],
  ['the header of a request', { headers: { Authorization: 'Bearer opaque-1234567890' } }, ['opaque-1234567890']],
  ['the same header as text', 'Authorization: Bearer opaque-1234567890\r\nHost: x', ['opaque-1234567890']],
  ['a login with a basic header', 'authorization: Basic dGhhbmRpOmNvcnJlY3Q=', ['dGhhbmRpOmNvcnJlY3Q']],
  ['a body that was parsed', { body: { email: 'a@b.example', password: 'correct horse' } }, ['correct horse']],
  ['a body as it came', { body: '{"password":"correct \\"horse\\" battery"}' }, ['correct', 'horse', 'battery']],
  ['a body within a body', JSON.stringify({ raw: '{"password":"correct horse"}' }), ['correct horse']],
  ['a form', 'email=a%40b.example&password=correct+horse&x=1', ['correct+horse']],
  ['an object as Node shows it', inspect({ password: 'correct horse' }), ['correct horse']],
  ['an object with quotes as Node shows it', inspect({ password: `it's "correct"` }), ["it's", 'correct']],
  ['a changed password', { new_password: 'battery staple', passwordAgain: 'battery staple' }, ['battery staple']],
  ['a password of digits', { password: 12345678 }, ['12345678']],
  [
    'the settings',
    { AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI', JWT_SECRET_KEY: 'a secret' },
    ['wJalrXUtnFEMI', 'a secret'],
  ],
  ['credentials of the SDK', { secretAccessKey: 'wJalrXUtnFEMI', sessionToken }, ['wJalrXUtnFEMI', sessionToken]],
  ['a database address', 'postgres://paniq:s3cr3t@db.internal:5432/paniq', ['s3cr3t']],
  ['a database password with an @', 'postgres://paniq:s3cr3t@home@db.internal/paniq', ['s3cr3t', 'home@']],
  ['a database password with a quote', { url: 'postgres://paniq:s3"cr3t@db.internal/paniq' }, ['s3"cr3t', 'cr3t']],
  ['a database address without a name', 'redis://:s3cr3t@cache.internal', ['s3cr3t']],
  ['a cookie header', { cookie: 'theme=dark; paniq_refresh=opaque-1234567890' }, ['opaque-1234567890']],
  ['a cookie that is set', { 'set-cookie': ['a=1; Path=/', 'paniq_refresh=opaque-1234'] }, ['opaque-1234', 'a=1']],
  ['a cookie header as text', 'cookie: theme=dark; other=opaque-1234567890', ['opaque-1234567890']],
  ['a refresh token in an answer', { refresh_token: 'opaque-1234567890' }, ['opaque-1234567890']],
  ['a link to a local file', '/api/v1/files/b3BhcXVlLXRva2Vu?x=1', ['b3BhcXVlLXRva2Vu']],
  ['a password that is an object', { password: { a: 'correct horse' } }, ['correct horse']],
  [
    'passwords in lists of lists',
    { passwords: [['correct'], 'horse', { a: 'battery' }] },
    ['correct', 'horse', 'battery'],
  ],
  ['an object of them as Node shows it', inspect({ password: { a: 'correct' }, b: 1 }), ['correct']],
  ['a token by that name alone', { token: 'opaque-1234567890' }, ['opaque-1234567890']],
  ['a token of another name', { resetToken: 'opaque-1234567890' }, ['opaque-1234567890']],
  ['a token in a body as it came', { body: '{"token":"opaque-1234567890"}' }, ['opaque-1234567890']],
  ['a password by its short names', { pass: 'correct horse', pwd: 'battery' }, ['correct horse', 'battery']],
  ['an address with a token before the host', 'https://tok3n-1234@git.example/x', ['tok3n-1234']],
  ['a database password with a blank', 'postgres://paniq:s3c r3t@db.internal/paniq', ['s3c', 'r3t']],
  ['a stored password', 'row (42, $2b$12$TGSKJoxgw45DExNyKIfJ8OfD5Ev6l5qReRfRGwDQh8Ymp91EwzceW)', ['TGSKJoxgw45DExNy']],
]

test.each(careless)('%s is logged without its secret', (_what, value, secrets) => {
  const { log, lines } = keepLines()

  log.info({ value }, typeof value === 'string' ? value : 'an object')
  log.info({ deep: { deeper: [{ value }] } })

  for (const line of lines) {
    expect(line).toContain('[redacted')
    expect(JSON.parse(line)).toMatchObject({ level: 'info' })
    for (const secret of secrets) expect(line).not.toContain(secret)
  }
})

test.each(careless)('%s in an error, its cause and its stack is logged without its secret', (_what, value, secrets) => {
  const { log, lines } = keepLines()
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const cause = Object.assign(new Error(`the cause: ${text}`), { request: value })

  log.error({ err: new Error('it failed', { cause }) }, 'it failed')
  log.error(Object.assign(new Error(text), { details: { nested: value } }))

  expect(lines).toHaveLength(2)
  for (const line of lines) {
    expect(JSON.parse(line).err.stack).toContain('Error: ')
    for (const secret of secrets) expect(line).not.toContain(secret)
  }
})

test('redaction in an error’s message keeps its stack readable', () => {
  const { log, lines } = keepLines()

  log.error({ err: new Error('{"password":"correct \\"horse","x":1}', { cause: new Error(`got ${link}`) }) })

  const { stack } = JSON.parse(lines[0] ?? '').err
  expect(stack).toMatch(/"x":1\}\n.*logger\.test\.ts.*caused by: Error: got https:\/\/b\.s3.*logger\.test\.ts/s)
  expect(stack).not.toContain('horse')
})

test.each(careless)('%s is printed on a terminal without its secret', (_what, value, secrets) => {
  const { log, lines } = keepLines(true)

  log.info({ value, err: new Error(String(value)) }, String(value))
  log.warn({ value, err: new Error(String(value)) }, String(value))

  for (const secret of secrets) expect(lines.join('')).not.toContain(secret)
})

test('text without secrets stays readable', () => {
  const plain = {
    event: 'request',
    route: '/api/v1/files/:token',
    method: 'GET',
    duration_ms: 3.2,
    key: 'security_firms/0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c/registration_certificate_0198c0de.pdf',
    errors: [{ field: 'password', message: 'must be at least 10 characters' }],
    address: 'http://127.0.0.1:7480/documents',
    stack: 'at file:///srv/node_modules/@aws-sdk/client-s3/index.js:1:2',
    token_type: 'access',
    database: 'postgres://db.internal:5432/paniq of thandi@firm.example',
    page: 'https://documents.example/a@2x?to=thandi@firm.example',
  }
  const line = `${JSON.stringify(plain)}\n`

  expect(redact(line)).toBe(line)
})

test('a value without a secret is logged unchanged, and redaction does not change the caller’s value', () => {
  const { log, lines } = keepLines()
  const at = new Date(0)
  const value = { at, url: new URL('http://a.example/'), hasPassword: true, password: null, list: [1, { b: 'c' }] }
  const withSecret = { deep: { token: 'opaque' } }

  log.info({ value, withOne: withSecret })

  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    value: { at: at.toISOString(), url: 'http://a.example/', hasPassword: true, password: null, list: [1, { b: 'c' }] },
    withOne: { deep: { token: '[redacted]' } },
  })
  expect(withSecret).toEqual({ deep: { token: 'opaque' } })
})

test('a circular, very deep or unreadable object is logged without its secrets', () => {
  const { log, lines } = keepLines()
  const circular: Record<string, unknown> = { token: 'opaque' }
  circular['self'] = { again: circular, list: [circular] }
  let deep: object = { token: 'opaque' }
  for (let depth = 0; depth < 1000; depth += 1) deep = { deep }

  const unreadable = Object.defineProperty({}, 'x', {
    enumerable: true,
    get() {
      throw new Error('not now')
    },
  })

  log.info({ circular })
  log.info({ deep })
  log.info({ unreadable })

  expect(lines.map((line) => JSON.parse(line))).toHaveLength(3)
  expect(lines.join('')).not.toContain('opaque')
})

test('fields bound to a logger are redacted too', () => {
  const { log, lines } = keepLines()

  log.child({ session: { token: 'opaque' } }).info('done')

  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ session: { token: '[redacted]' } })
})

test('every log line is one JSON record that is unchanged outside of its secrets', () => {
  const secretsAndText = oneof(
    string({ unit: 'binary', maxLength: 40 }),
    constantFrom(...careless.map(([, value]) => (typeof value === 'string' ? value : JSON.stringify(value)))),
    constantFrom('"', '\\', '\\"', 'password":"', "password: '", '\n', '\u001b[2J', '\u2028', '://a:'),
  )
  const text = array(secretsAndText, { maxLength: 6 }).map((parts) => parts.join(''))
  const key = oneof(constantFrom('password', 'cookie', 'file_name', 'secret'), string({ maxLength: 8 }))
  assert(
    property(dictionary(key, text), (value) => {
      const { log, lines } = keepLines()

      log.info({ value, last: 'the end' })

      expect(lines).toHaveLength(1)
      expect(lines[0]?.split(/\r|\n|\u2028|\u2029|\u0085/)).toEqual([expect.any(String), ''])
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', last: 'the end' })
    }),
    { numRuns: 2000 },
  )
})

const hostileName =
  'a.pdf\n{"level":"info","msg":"deleted by Thandi"}\r\u001b[2J\u001b]0;x\u0007\u009b31m\u2028\u202e"\\'

test('a file name with line breaks, escapes and quotes stays inside one record', () => {
  const { log, lines } = keepLines()

  log.info({ event: 'document_access', file_name: hostileName }, hostileName)

  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ file_name: hostileName, msg: hostileName })
  // The end of the line is its only control character.
  expect(lines[0]).toMatch(/^[^\p{Cc}\p{Zl}\u202e]+\n$/u)
})

test('a file name with escapes does nothing to a terminal and forges no line there', () => {
  const { log, lines } = keepLines(true)

  log.warn({ file_name: hostileName, err: new Error(hostileName) }, hostileName)

  const shown = lines.join('')
  expect(shown).not.toMatch(/[^\P{Cc}\n]|\p{Zl}|\u202e/u)
  expect(shown).toContain(String.raw`\u001b[2J`)
  expect(shown.split('\n').filter((line) => line.startsWith('{'))).toEqual([])
})

test('a terminal shows one line per request, and fields only for warnings and errors', () => {
  const { log, lines } = keepLines(true)
  const request = { event: 'request', method: 'POST', route: '/documents', status: 201, ip: '192.0.2.1' }

  log.info({ ...request, duration_ms: 12.4 })
  log.info({ ...request, status: undefined, duration_ms: 3, aborted: true })
  log.info({ event: 'stopping', signal: 'SIGINT' }, 'stopping')
  log.info({ event: 'job_finished', job: 'collect' })
  log.warn({ event: 'slow', seconds: 3 }, 'slow')

  const shown = lines.join('').replaceAll(/\d\d:\d\d:\d\d/g, 'TIME')
  expect(shown).toBe(
    'POST /documents 201 12 ms\nPOST /documents no answer 3 ms, aborted\n[TIME] INFO: stopping\n[TIME] WARN: slow\n    event: "slow"\n    seconds: 3\n',
  )
})

test('lines of one piece of work have its fields, and other lines do not', () => {
  const { log, lines } = keepLines()

  withLogContext({ request_id: 'r-1' }, () => {
    log.info({ first: 1 })
    log.info({ second: 2 })
  })
  log.info({ third: 3 })

  const [first, second, third] = lines.map((line) => JSON.parse(line))
  expect(first).toMatchObject({ request_id: 'r-1', first: 1 })
  expect(second).toMatchObject({ request_id: 'r-1', second: 2 })
  expect(second).not.toHaveProperty('first')
  expect(third).not.toHaveProperty('request_id')
})

test.each([
  'http://a:',
  'password',
  'secret":["',
  "secret:'",
  'Bearer ',
  'eyJaaaaaa.',
  '\\"',
  '$2a$12$',
  'postgres://a:',
  'token',
  'pass: {',
])('a long line of %s is redacted in linear time', (piece) => {
  // Quadratic work on this length would take minutes and trip the test's own time limit.
  expect(redact(JSON.stringify({ file_name: piece.repeat(100_000) }))).toBeTypeOf('string')
})
