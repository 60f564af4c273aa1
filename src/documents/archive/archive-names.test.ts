import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { createArchiveNames } from './archive-names.ts'

const pdf = { documentType: 'tax_clearance', mimeType: 'application/pdf' }

function pathsOf(...fileNames: string[]): string[] {
  const names = createArchiveNames()
  return fileNames.map((fileName) => names.pathOf({ ...pdf, fileName }))
}

function nameOf(fileName: string, mimeType = pdf.mimeType): string | undefined {
  return createArchiveNames()
    .pathOf({ ...pdf, mimeType, fileName })
    .split('/')[1]
}

test('files of one name get numbers, also if only their case or composition differs', () => {
  expect(pathsOf('Tax.pdf', 'TAX.PDF', 'tax.pdf', 'Caf\u00e9.pdf', 'Cafe\u0301.pdf', 'Tax (2).pdf')).toEqual([
    'tax_clearance/Tax.pdf',
    'tax_clearance/TAX (2).pdf',
    'tax_clearance/tax (3).pdf',
    'tax_clearance/Caf\u00e9.pdf',
    'tax_clearance/Caf\u00e9 (2).pdf',
    'tax_clearance/Tax (2) (2).pdf',
  ])
})

test.each([
  ['../../etc/passwd', '__.._etc_passwd.pdf'],
  ['..', '_.pdf'],
  ['C:\\Windows\\a.pdf', 'C__Windows_a.pdf'],
  ['/etc/a.pdf', '_etc_a.pdf'],
  ['a\u0000b\r\nc.pdf', 'a_b__c.pdf'],
  ['gnp.\u202efdp', 'gnp.fdp.pdf'],
  ['CON', '_CON.pdf'],
  ['nul.pdf', '_nul.pdf'],
  ['COM¹.pdf', '_COM¹.pdf'],
  ['lpt1 .x.pdf', '_lpt1 .x.pdf'],
  ['console.pdf', 'console.pdf'],
  ['.htaccess', '_htaccess.pdf'],
  ['a<b>:"|?*.pdf', 'a_b______.pdf'],
  ['', '_.pdf'],
  [' .pdf', '_pdf.pdf'],
  ['=1+1.pdf', '=1+1.pdf'],
])('%j becomes %j', (fileName, expected) => {
  expect(nameOf(fileName)).toBe(expected)
})

test.each([
  ['ID.JPEG', 'image/jpeg', 'ID.jpg'],
  ['setup.exe', 'application/pdf', 'setup.exe.pdf'],
  ['scan', 'image/png', 'scan.png'],
  ['letter.docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'letter.docx.bin'],
])('the extension is that of the detected format: %s as %s is %s', (fileName, mimeType, expected) => {
  expect(nameOf(fileName, mimeType)).toBe(expected)
})

test('document types whose names a file system takes for the same get folders of their own, beside the manifest', () => {
  const names = createArchiveNames()
  const types = ['Tax', 'tax', 'manifest.csv', 'a/b', 'a:b', '=1+1']

  expect(types.map((documentType) => names.pathOf({ ...pdf, documentType, fileName: 'a.pdf' }))).toEqual([
    'Tax/a.pdf',
    'tax (2)/a.pdf',
    'manifest.csv (2)/a.pdf',
    'a_b/a.pdf',
    'a_b (2)/a.pdf',
    '_1+1/a.pdf',
  ])
})

test('a long name is cut between its characters, before its number and its extension', () => {
  const long = `${'👨‍👩‍👧'.repeat(40)}.pdf`
  const [first = '', second = ''] = pathsOf(long, long).map((path) => path.split('/')[1])

  expect(first).toBe(`${'👨‍👩‍👧'.repeat(13)}.pdf`)
  expect(second).toBe(`${'👨‍👩‍👧'.repeat(13)} (2).pdf`)
  expect(Buffer.byteLength(second)).toBeLessThanOrEqual(255)
})

test('ten thousand files of one name get different names in little time', () => {
  expect(new Set(pathsOf(...Array.from({ length: 10_000 }, () => 'scan.pdf')))).toHaveProperty('size', 10_000)
})

test('whatever a file and its type are called, each path is relative, clean, short and its own', () => {
  const anyName = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({
      unit: fc.constantFrom('.', ' ', '/', '\\', 'a', 'A', 'é', 'e\u0301', '\u0000', '\ud800', '(', '2'),
      maxLength: 12,
    }),
    fc.constantFrom('con', 'PRN.pdf', 'ﬁle.pdf', 'FILE.pdf', 'straße', 'STRASSE', 'İ', 'i̇'),
  )
  const types = fc.array(fc.tuple(anyName, fc.array(anyName, { maxLength: 6 })), { maxLength: 4 })

  fc.assert(
    fc.property(types, (given) => {
      const names = createArchiveNames()
      // The files of one type follow each other.
      const byType = new Map(given)
      const paths = [...byType].flatMap(([documentType, fileNames]) =>
        fileNames.map((fileName) => names.pathOf({ documentType, fileName, mimeType: 'application/pdf' })),
      )
      const parts = paths.flatMap((path) => path.split('/'))
      expect(paths.every((path) => path.split('/').length === 2)).toBe(true)
      expect(parts.filter((part) => !isClean(part))).toEqual([])
      expect(new Set(paths.map((path) => path.normalize('NFC').toLowerCase())).size).toBe(paths.length)
      expect(new Set(paths.map((path) => path.normalize('NFD').toUpperCase())).size).toBe(paths.length)
    }),
    { numRuns: 200 },
  )
})

function isClean(part: string): boolean {
  const isShort = Buffer.byteLength(part) <= 255
  const hasForbidden = /[\p{Cc}\p{Cs}/\\:*?"<>|]/u.test(part)
  const isReserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(part)
  return part !== '' && isShort && !hasForbidden && !isReserved && !part.startsWith('.') && !/[. ]$/.test(part)
}
