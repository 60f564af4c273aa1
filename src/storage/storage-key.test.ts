import { expect, test } from 'vitest'

import type { FirmId } from '../vocabulary/vocabulary.ts'
import { quarantineKeyOf, requireQuarantineKey, requireStorageKey, storageKeyOf } from './storage-key.ts'

const firm = '0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a'
const file = '7d0c4f1e-52ab-4c77-8f10-a1b2c3d4e5f6'

test('a key consists of the firm, the type, an id and the detected extension', () => {
  const key = storageKeyOf({ firmId: firm as FirmId, documentType: 'vat_certificate', uuid: file, extension: 'pdf' })

  expect(key).toBe(`security_firms/${firm}/vat_certificate_${file}.pdf`)
})

test.each([
  '',
  '.store-id',
  '/etc/passwd',
  `/security_firms/${firm}/a_${file}.pdf`,
  `security_firms/${firm}/../${firm}/a_${file}.pdf`,
  `security_firms/../a_${file}.pdf`,
  `security_firms/${firm}/a/b_${file}.pdf`,
  `security_firms/${firm}/a%2f_${file}.pdf`,
  `security_firms/${firm}/a\0_${file}.pdf`,
  `security_firms/${firm}/a_${file}.pdf\0`,
  `security_firms/${firm}/a_${file}.pdf\n`,
  `security_firms/${firm}/a_${file}.pdf/x`,
  `security_firms/${firm}/a_${file}`,
  `security_firms/${firm}/a_${file}.`,
  `security_firms/${firm}/_${file}.pdf`,
  `security_firms/${firm}/${'a'.repeat(51)}_${file}.pdf`,
  `security_firms/firm/a_${file}.pdf`,
  String.raw`security_firms\${firm}\a_${file}.pdf`,
])('%j is not a key', (text) => {
  expect(() => requireStorageKey(text)).toThrow(expect.objectContaining({ code: 'invalid_key' }))
})

test('a key in quarantine is not a document’s key, nor the reverse', () => {
  const key = requireStorageKey(`security_firms/${firm}/a_${file}.pdf`)
  const aside = [quarantineKeyOf(key), quarantineKeyOf(key, file)]

  expect(aside).toEqual([`quarantine/${key}`, `quarantine/${file}/${key}`])
  expect(aside.map((each) => requireQuarantineKey(each))).toEqual(aside)
  for (const each of aside) expect(() => requireStorageKey(each)).toThrow('not a storage key')
  for (const each of [key, `quarantine/../${key}`, `quarantine/x/${key}`, `/quarantine/${key}`])
    expect(() => requireQuarantineKey(each)).toThrow('not a quarantine key')
})
