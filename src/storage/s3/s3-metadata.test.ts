import { array, assert, integer, property } from 'fast-check'
import { expect, test } from 'vitest'

import type { DocumentId, FirmId, Sha256 } from '../../vocabulary/vocabulary.ts'
import { encodeFileName, s3MetadataOf } from './s3-objects.ts'

test('only an object has its firm, type and file name', () => {
  const labels = {
    originalFileName: 'Müller, 2026.pdf',
    documentType: 'tax_clearance',
    firmId: 'firm-1' as FirmId,
    documentId: 'document-1' as DocumentId,
  }

  expect(s3MetadataOf(labels, 'abc' as Sha256)).toEqual({
    'original-filename': 'M%C3%BCller%2C%202026.pdf',
    'document-type': 'tax_clearance',
    'firm-id': 'firm-1',
    'document-id': 'document-1',
    sha256: 'abc',
  })
  expect(s3MetadataOf(labels)).not.toHaveProperty('sha256')
})

test('a name of 1,024 bytes stays whole, and one of more loses whole characters', () => {
  expect(encodeFileName('n'.repeat(1024))).toBe('n'.repeat(1024))
  expect(encodeFileName('n'.repeat(1025))).toBe('n'.repeat(1024))
  // An emoji takes twelve bytes here: 85 of them fit, and a third of another is not kept.
  expect(encodeFileName('😀'.repeat(300))).toBe('%F0%9F%98%80'.repeat(85))
  expect(encodeFileName(`${'n'.repeat(1013)}😀`)).toBe('n'.repeat(1013))
})

const anyCharacter = integer({ min: 0, max: 0x10_ff_ff }).map((code) => String.fromCodePoint(code))
const anyName = array(anyCharacter, { maxLength: 500 }).map((characters) => characters.join(''))

test('the stored form of any name is ASCII, short enough, and decodes to the beginning of that name', () => {
  assert(
    property(anyName, (name) => {
      const encoded = encodeFileName(name)

      expect(encoded).toMatch(/^[\x21-\x7e]*$/)
      expect(encoded.length).toBeLessThanOrEqual(1024)
      expect(name.toWellFormed().startsWith(decodeURIComponent(encoded))).toBe(true)
    }),
  )
})
