import * as fc from 'fast-check'

import { spoilings } from './fill-in.ts'

/** Texts that have broken some program before. */
const oddities = [
  '',
  ' ',
  '\0',
  'a\0b',
  '..',
  '../../../etc/passwd',
  '..\\..\\boot.ini',
  '%00',
  '%2e%2e%2f',
  '%',
  '%zz',
  '%c0%af',
  '%ed%a0%80',
  '\uD800',
  '\uDFFF.pdf',
  'null',
  'undefined',
  'NaN',
  'true',
  '-1',
  '0',
  '1e999',
  '1e-7',
  '0x10',
  '9'.repeat(40),
  '2147483648',
  '9223372036854775808',
  '__proto__',
  'constructor',
  'toString',
  '[object Object]',
  '[]',
  '{}',
  "'",
  "' or 1=1 --",
  '"',
  '`',
  ';',
  ',',
  '$1',
  '${x}',
  '{{x}}',
  '<script>x</script>',
  'a\r\nX-Injected: 1',
  'a\nb',
  '\u0085',
  '\u2028',
  '\u202Efdp.exe',
  '\uFEFF',
  'e\u0301',
  'ß',
  'İ',
  'ﷺ',
  '👩🏽‍🔧',
  'ñ'.repeat(300),
  'a'.repeat(5000),
  'x'.repeat(101),
  'infinity',
  '-infinity',
  '0000-01-01',
  '9999-12-31',
  '2024-02-30',
  '2026-01-01T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF',
]

/** Any text that a person or a program may send for a text field. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...oddities) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
)

/** One of the scene's values, mostly unchanged. */
export function sceneValue(...names: string[]): fc.Arbitrary<string> {
  const spoiled = fc
    .record({ name: fc.constantFrom(...names), how: fc.constantFrom(...spoilings), at: fc.nat(400), by: fc.nat(90) })
    .map(({ name, how, at, by }) => `⟦${name}~${how} ${at} ${by}⟧`)
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...names.map((name) => `⟦${name}⟧`)) },
    { weight: 1, arbitrary: spoiled },
  )
}

/** Bytes as Latin-1, including bytes of no valid text. */
export const oddBytes: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 24 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

/** The usual value, this many times as often as each of the others. */
export function mostly<Value>(
  times: number,
  usual: fc.Arbitrary<Value>,
  ...others: fc.Arbitrary<Value>[]
): fc.Arbitrary<Value> {
  return fc.oneof({ weight: times, arbitrary: usual }, ...others.map((arbitrary) => ({ weight: 1, arbitrary })))
}
