import { expect, test } from 'vitest'

import { quotaExceeded } from './quota-exceeded.ts'

const room = { usedBytes: 900 * 1024, usedDocuments: 1, quotaBytes: 1024 * 1024, quotaDocuments: 1 }

test('the message names the quota, its use and the size of the file', () => {
  expect(quotaExceeded(room, 'bytes', 300 * 1024).message).toContain(
    'may store 1 MB of files and stores 900 KB: there is no room for this one of 300 KB.',
  )
  expect(quotaExceeded(room, 'bytes', undefined).message).toContain('there is no room for this one. Delete')
})

test('one document is singular', () => {
  expect(quotaExceeded(room, 'documents', 300 * 1024).message).toContain(
    'may store 1 document and stores 1: there is no room for this one.',
  )
})
