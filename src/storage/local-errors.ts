import { StoreError, type StoreErrorCode } from './file-store.ts'

const byErrno = new Map<string, StoreErrorCode>([
  ['EEXIST', 'key_taken'],
  ['ENOENT', 'bytes_missing'],

  // A link stands where only folders and files of ours should.
  ['ELOOP', 'invalid_key'],
  ['ENAMETOOLONG', 'invalid_key'],

  ['ENOTDIR', 'misused'],
  ['EISDIR', 'misused'],
])

/**
 * A failure of the file system as the store's own. All that is not in the table (no space, no right, a read-only or
 * failing disk, too many open files) is `unavailable`: the disk cannot serve just now.
 */
export function localFailure(error: unknown): unknown {
  if (!isSystemError(error)) return error
  // Node has no name for some of them, a full quota among these, and writes a sentence in its place.
  const code = error.code ?? 'an unknown error'
  return new StoreError(byErrno.get(code) ?? 'unavailable', `The local store failed with ${code}.`, error)
}

// What has no number of the system's is a fault of ours, or a reason that a caller gave.
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number'
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
