import { expect, test } from 'vitest'

import { quotaExceeded } from './quota-error.ts'

const room = {
  usedBytes: 900 * 1024,
  usedDocuments: 1,
  quotaBytes: 1024 * 1024,
  quotaDocuments: 1,
  isDraftQuota: false,
}

test('the message names the quota, its use and the size of the file', () => {
  expect(quotaExceeded(room, 'bytes', 300 * 1024).message).toContain(
    'may store 1 MB of files and stores 900 KB: there is no room for this one of 300 KB.',
  )
  expect(quotaExceeded(room, 'bytes', undefined).message).toContain('there is no room for this one. Delete')
})

test('a firm that is not approved yet learns what gives it more room', () => {
  const { message } = quotaExceeded({ ...room, isDraftQuota: true }, 'bytes', 300 * 1024)
  expect(message).toContain('may store 1 MB of files until the platform has approved it, and stores 900 KB')
  expect(message).toMatch(/, or have the platform approve the firm\.$/)
  expect(quotaExceeded({ ...room, isDraftQuota: true }, 'documents', 1).message).not.toContain('approve')
})

test('one document is singular', () => {
  expect(quotaExceeded(room, 'documents', 300 * 1024).message).toContain(
    'may store 1 document and stores 1: there is no room for this one.',
  )
})
