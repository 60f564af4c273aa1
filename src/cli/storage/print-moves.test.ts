import { expect, test } from 'vitest'

import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import { toLocalError } from '../../storage/local/local-errors.ts'
import { describeOutcome } from './print-moves.ts'

const denied = toLocalError(Object.assign(new Error('EACCES: open'), { code: 'EACCES', errno: -13 }))
const inStore = (store: StoredVersion['store']): Pick<StoredVersion, 'store'> => ({ store })

test.each([
  ['local', 'failed', 'it could not be moved; let this user read its file and the folders above it, and run again'],
  ['local', 'unreadable', 'its file cannot be read; let this user read its file and the folders above it'],
  ['s3', 'failed', 'it could not be moved; let this user write to the local disk, and run again'],
] as const)('a permission error (%s, %s) says which permission is missing', (store, outcome, says) => {
  expect(describeOutcome(inStore(store), outcome, denied)).toContain(says)
})

test('another failure says to run the command again', () => {
  expect(describeOutcome(inStore('local'), 'failed', new Error('something else'))).toBe(
    'it could not be moved; run again (something else)',
  )
})
