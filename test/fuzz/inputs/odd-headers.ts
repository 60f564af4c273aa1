import * as fc from 'fast-check'

import { mostly, oddBytes, oddText, sceneValue } from './odd-text.ts'

export type Header = [name: string, value: string]

const headerValues: Record<string, fc.Arbitrary<string>> = {
  'X-Request-Id': fc.constantFrom('req-1', 'a'.repeat(128), 'a'.repeat(129), 'a b', 'a\t1', '::', ''),
  'If-Match': mostly(
    4,
    fc.constant('⟦etag⟧'),
    sceneValue('etag'),
    fc.constantFrom('*', 'W/⟦etag⟧', '"a", ⟦etag⟧', ',,,'),
  ),
  'If-None-Match': fc.oneof(sceneValue('etag'), fc.constantFrom('*', '"', ',')),
  'If-Range': fc.oneof(sceneValue('etag'), fc.constantFrom('Thu, 01 Jan 1970 00:00:00 GMT')),
  'If-Modified-Since': fc.constantFrom('Thu, 01 Jan 1970 00:00:00 GMT', 'never'),
  Range: fc.constantFrom(
    'bytes=0-0',
    'bytes=-1',
    'bytes=5-',
    'bytes=9999999-',
    'bytes=0-0,1-1',
    'bytes=-0',
    'bytes=1-0',
    'bytes=0-99999999999999999999',
    'bytes=',
    'items=0-1',
    `bytes=${'0-0,'.repeat(500)}`,
  ),
  Accept: fc.constantFrom('application/json', '*/*', 'text/html, */*;q=0.1', 'application/json;q=0', ',', 'a/b/c', ''),
  'Idempotency-Key': fc.oneof(fc.constantFrom('key-1', 'key-2', 'k'.repeat(255), 'k'.repeat(256), ''), oddText),
  'X-Auth-Mode': fc.constantFrom('cookie', 'COOKIE ', 'bearer', ''),
  Origin: fc.constantFrom(
    'http://127.0.0.1',
    'null',
    'https://evil.example',
    'http://documents.example',
    'not a url',
    '',
  ),
  Cookie: fc.oneof(
    fc.constantFrom('paniq_refresh=⟦refresh⟧', 'paniq_refresh=', 'paniq_refresh=%', '=;=;', '__proto__=1'),
    oddText,
  ),
  'User-Agent': fc.oneof(oddText, fc.constant('u'.repeat(4000))),
  'X-Forwarded-For': fc.constantFrom('1.2.3.4', 'not an address', '::1, 1.2.3.4', ''),
  'X-Forwarded-Proto': fc.constantFrom('https', 'ftp'),
  'X-HTTP-Method-Override': fc.constantFrom('DELETE'),
  Host: fc.constantFrom('documents.example', 'a b', '[::1]:x', '127.0.0.1:1', '', 'a/b', 'user@host'),
  'Accept-Encoding': fc.constantFrom('gzip', 'identity;q=0', '*'),
  'Content-Encoding': fc.constantFrom('gzip', 'br', 'identity'),
  'Content-Type': fc.constantFrom('application/json', 'text/html', 'multipart/form-data; boundary=cut', '///'),
  'Access-Control-Request-Method': fc.constantFrom('PUT', 'NONE'),
  Expect: fc.constantFrom('100-continue', '200-ok'),
  Upgrade: fc.constantFrom('websocket', 'h2c'),
  TE: fc.constantFrom('trailers', 'gzip'),
}

/** A header that an operation reads, mostly present. */
export function headerOf(name: string): fc.Arbitrary<Header[]> {
  const known = Object.entries(headerValues).find(([each]) => each.toLowerCase() === name)
  const value = (known?.[1] ?? oddText).map(oneLine)
  return mostly(
    4,
    value.map((text): Header[] => [[name, text]]),
    fc.constant([]),
  )
}

/** A header that a client may send anywhere. */
export const oddHeader: fc.Arbitrary<Header> = mostly(
  9,
  fc
    .constantFrom(...Object.keys(headerValues))
    .chain((name) => fc.tuple(fc.constant(name), (headerValues[name] ?? oddText).map(oneLine))),
  fc.tuple(
    fc.constantFrom('X-Odd', 'Authorization', 'Cookie', 'Range', 'Accept', 'Forwarded'),
    fc.oneof(oddText, oddBytes).map(oneLine),
  ),
)

/** Valid characters of a header. Invalid ones are tested by the target `heads`. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\0\r\n]/g, ' ')
}
