import { expect, test } from 'vitest'

import { quotaExceeded } from './assert-quota.ts'

const room = { usedBytes: 900 * 1024, usedDocuments: 1, quotaBytes: 1024 * 1024, quotaDocuments: 1 }

test('a firm without room hears how much there is, and how large the file is', () => {
  expect(quotaExceeded(room, 'bytes', 300 * 1024).message).toContain(
    'may keep 1 MB for its files, and has 900 KB: there is no room for this one of 300 KB.',
  )
  expect(quotaExceeded(room, 'bytes', undefined).message).toContain('there is no room for this one. Delete')
})

test('one document is not called documents', () => {
  expect(quotaExceeded(room, 'documents', 300 * 1024).message).toContain(
    'may keep 1 document, and has 1: there is no room for this one.',
  )
})
