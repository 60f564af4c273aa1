import * as fc from 'fast-check'

import { mostly } from './odd-text.ts'

/** The declared length and the transfer of a body. */
export type Frame = {
  headers: string[]
  /** The bytes on the wire for a body. */
  wrap: (body: Buffer) => Buffer
  /** The end of the body is clear: an answer must arrive without further input. */
  isWhole: boolean
}

type MakeFrame = (body: Buffer) => Frame

const asIs = (body: Buffer) => body

const sound: fc.Arbitrary<MakeFrame> = fc.oneof(
  fc.constant<MakeFrame>((body) => ({ headers: [`Content-Length: ${body.length}`], wrap: asIs, isWhole: true })),
  fc
    .record({
      sizes: fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }),
      odd: fc.constantFrom('', ';a=b', ';a="b;c"', 'upper', 'zeros'),
    })
    .map(({ sizes, odd }): MakeFrame => () => ({
      headers: ['Transfer-Encoding: chunked'],
      wrap: (body) => inChunks(body, sizes, odd),
      isWhole: true,
    })),
)

/** False lengths and invalid chunks. */
const unsound: fc.Arbitrary<MakeFrame> = fc.oneof(
  fc
    .integer({ min: -3000, max: 3000 })
    .filter((more) => more !== 0)
    .map((more): MakeFrame => (body) => ({
      headers: [`Content-Length: ${Math.max(0, body.length + more)}`],
      wrap: asIs,
      isWhole: false,
    })),
  fc
    .constantFrom('-1', '+5', '0x10', '1e3', '', ' ', 'a', '99999999999999999999', '5, 5', '5, 6', '٣')
    .map((length): MakeFrame => () => ({ headers: [`Content-Length: ${length}`], wrap: asIs, isWhole: false })),
  fc.constantFrom<MakeFrame>(
    () => ({ headers: [], wrap: asIs, isWhole: false }),
    (body) => ({
      headers: [`Content-Length: ${body.length}`, `Content-Length: ${body.length}`],
      wrap: asIs,
      isWhole: false,
    }),
    (body) => ({ headers: [`Content-Length: ${body.length}`, 'Content-Length: 3'], wrap: asIs, isWhole: false }),
    (body) => ({
      headers: [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked'],
      wrap: (all) => inChunks(all, [1000], ''),
      isWhole: false,
    }),
    () => ({
      headers: ['Transfer-Encoding: gzip, chunked'],
      wrap: (body) => inChunks(body, [1000], ''),
      isWhole: false,
    }),
    () => ({
      headers: ['Transfer-Encoding: chunked, identity'],
      wrap: (body) => inChunks(body, [1000], ''),
      isWhole: false,
    }),
    () => ({ headers: ['Transfer-Encoding : chunked'], wrap: (body) => inChunks(body, [1000], ''), isWhole: false }),
    () => ({ headers: ['Transfer-Encoding: xchunked'], wrap: (body) => inChunks(body, [1000], ''), isWhole: false }),
  ),
  fc
    .constantFrom(
      '-1\r\n',
      'g\r\n',
      '\r\n',
      'ffffffffffffffff\r\n',
      '5\n',
      '5\r',
      '0x5\r\n',
      ' 5\r\n',
      '5;\0\r\n',
      `5;${'a'.repeat(20_000)}\r\n`,
    )
    .map((line): MakeFrame => () => ({
      headers: ['Transfer-Encoding: chunked'],
      wrap: (body) => Buffer.concat([inChunks(body.subarray(0, 50), [50], '', ''), Buffer.from(line), body]),
      isWhole: false,
    })),
  fc
    .constantFrom(
      '',
      '0',
      '0\r\n',
      '0\r\nX-Injected: 1\r\n\r\n',
      '0\r\nTransfer-Encoding: a\r\n\r\n',
      `0\r\na: ${'b'.repeat(20_000)}\r\n\r\n`,
    )
    .map((end): MakeFrame => () => ({
      headers: ['Transfer-Encoding: chunked'],
      wrap: (body) => inChunks(body, [5000], '', end),
      isWhole: false,
    })),
)

export const frame: fc.Arbitrary<MakeFrame> = mostly(3, sound, unsound)

function inChunks(body: Buffer, sizes: number[], odd: string, end = '0\r\n\r\n'): Buffer {
  const pieces: Buffer[] = []
  for (let start = 0, count = 0; start < body.length; count += 1) {
    const size = Math.min(sizes[count % sizes.length] ?? 1, body.length - start)
    pieces.push(Buffer.from(`${sizeLine(size, odd)}\r\n`), body.subarray(start, start + size), Buffer.from('\r\n'))
    start += size
  }
  return Buffer.concat([...pieces, Buffer.from(end)])
}

function sizeLine(size: number, odd: string): string {
  const hex = size.toString(16)
  if (odd === 'upper') return hex.toUpperCase()
  return odd === 'zeros' ? `000${hex}` : `${hex}${odd}`
}
