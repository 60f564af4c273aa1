import { expect, test } from 'vitest'

import { StoreError } from '../file-store.ts'
import { toLocalError, isDiskFullOrReadOnly } from './local-errors.ts'

/** An error as Node throws it for a call of the system. */
function systemError(code: string, errno: number): Error {
  return Object.assign(new Error('words'), { code, errno, syscall: 'open' })
}

test.each([
  ['ENOSPC', -28, 'unavailable'],
  ['EROFS', -30, 'unavailable'],
  ['EACCES', -13, 'unavailable'],
  ['EPERM', -1, 'unavailable'],
  ['EIO', -5, 'unavailable'],
  ['EMFILE', -24, 'unavailable'],
  // EDQUOT, as Node writes it.
  ['Unknown system error -122', -122, 'unavailable'],
  // Any that nobody thought of.
  ['EXDEV', -18, 'unavailable'],
  ['EEXIST', -17, 'key_taken'],
  ['ENOENT', -2, 'bytes_missing'],
  ['ELOOP', -40, 'unavailable'],
  ['ENAMETOOLONG', -36, 'unavailable'],
  ['ENOTDIR', -20, 'unavailable'],
  ['EISDIR', -21, 'unavailable'],
])('%s (%i) is %s', (code, errno, expected) => {
  const error = systemError(code, errno)

  expect(toLocalError(error)).toMatchObject({ code: expected, cause: error })
})

test.each([
  ['a failure of the store itself', new StoreError('misused', 'x')],
  ['a reason that a caller gave', new Error('the client went away')],
  ['a mistake in the code', new TypeError('x is not a function')],
  ['something thrown that is no error', 'oops'],
])('%s stays as it is', (_what, error) => {
  expect(toLocalError(error)).toBe(error)
})

test.each([
  ['ENOSPC', -28, true],
  ['EROFS', -30, true],
  ['Unknown system error -122', -122, true],
  ['EIO', -5, false],
  ['EACCES', -13, false],
])('that the disk takes no more: %s (%i), %s', (code, errno, expected) => {
  expect(isDiskFullOrReadOnly(toLocalError(systemError(code, errno)))).toBe(expected)
})
