import { validateHeaderValue } from 'node:http'

import { parse } from 'content-disposition'
import { array, assert, constantFrom, integer, oneof, property } from 'fast-check'
import { expect, test } from 'vitest'

import { formatContentDisposition } from './content-disposition.ts'

/** The name that a browser saves the file under. */
function savedName(header: string): string | undefined {
  return parse(header).parameters['filename']
}

/** The name that a client of old takes, which knows no `filename*`. */
function oldSavedName(header: string): string | undefined {
  return parse(header, { extended: false }).parameters['filename']
}

const names: [given: string, saved: string, savedByOld: string][] = [
  ['report.pdf', 'report.pdf', 'report.pdf'],
  ['Müller & Söhne.pdf', 'Müller & Söhne.pdf', 'Muller & Sohne.pdf'],
  ['公司注册.pdf', '公司注册.pdf', '____.pdf'],
  ['certificate 😀.pdf', 'certificate 😀.pdf', 'certificate _.pdf'],
  ['the "best".pdf', 'the "best".pdf', 'the _best_.pdf'],
  ['100%41.pdf', '100%41.pdf', '100_41.pdf'],
  ["it's; a=b, (c).pdf", "it's; a=b, (c).pdf", "it's; a=b, (c).pdf"],
  ['a\r\nSet-Cookie: x=1\r\n.pdf', 'a__Set-Cookie: x=1__.pdf', 'a__Set-Cookie: x=1__.pdf'],
  ['tab\tand\0zero.pdf', 'tab_and_zero.pdf', 'tab_and_zero.pdf'],
  ['line\u2028break.pdf', 'line_break.pdf', 'line_break.pdf'],
  ['invoice\u202Efdp.exe', 'invoicefdp.exe', 'invoicefdp.exe'],
  ['\u2066a\u2069\u200F.pdf', 'a.pdf', 'a.pdf'],
  ['../../etc/passwd', '.._.._etc_passwd', '.._.._etc_passwd'],
  [String.raw`C:\documents\a.pdf`, 'C:_documents_a.pdf', 'C:_documents_a.pdf'],
  ['a℀b.pdf', 'a℀b.pdf', 'aa_cb.pdf'],
  ['half\uD83D.pdf', 'half\uFFFD.pdf', 'half_.pdf'],
  [`${'n'.repeat(296)}.pdf`, `${'n'.repeat(296)}.pdf`, `${'n'.repeat(296)}.pdf`],
  ['  ', 'document', 'document'],
  ['..', 'document', 'document'],
]

test.each(names)('%j is saved as %j, and by old clients as %j', (given, saved, savedByOld) => {
  const header = formatContentDisposition(given, 'attachment')

  expect(savedName(header)).toBe(saved)
  expect(oldSavedName(header)).toBe(savedByOld)
})

test('the header has inline or attachment', () => {
  expect(formatContentDisposition('a.pdf', 'attachment')).toBe('attachment; filename=a.pdf')
  expect(formatContentDisposition('a.pdf', 'inline')).toBe('inline; filename=a.pdf')
})

test('any name gives one line of printable ASCII from which a name without paths or controls is read back', () => {
  const nasty = constantFrom('\r', '\n', '"', '%', '\\', '/', ';', '\u202E', '\uD83D', '℀')
  const anyCharacter = integer({ min: 0, max: 0x10_ff_ff }).map((code) => String.fromCodePoint(code))
  const anyName = array(oneof(nasty, anyCharacter), { maxLength: 300 }).map((characters) => characters.join(''))
  assert(
    property(anyName, constantFrom('attachment', 'inline'), (name, disposition) => {
      const header = formatContentDisposition(name, disposition)

      expect(header).toMatch(/^[\x20-\x7e]+$/)
      expect(() => validateHeaderValue('content-disposition', header)).not.toThrow()
      expect(parse(header).type).toBe(disposition)
      expect(savedName(header)).toMatch(/^[^\p{Cc}/\\\u202A-\u202E\u2066-\u2069]+$/u)
    }),
  )
})
