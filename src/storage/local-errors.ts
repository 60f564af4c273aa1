import { StoreError, type StoreErrorCode } from './file-store.ts'

const byErrno: Record<string, StoreErrorCode> = {
  EEXIST: 'key_taken',
  ENOENT: 'bytes_missing',

  // A link stands where only folders and files of ours should.
  ELOOP: 'invalid_key',
  ENAMETOOLONG: 'invalid_key',

  ENOTDIR: 'misused',
  EISDIR: 'misused',
}

/**
 * A failure of the file system as the store's own. All that is not in the table (no space, no right, a read-only or
 * failing disk, too many open files) is `unavailable`: the disk cannot serve just now.
 */
export function localFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error
  const { code } = error as NodeJS.ErrnoException
  // What has no code of the system's is a fault of ours, or a reason that a caller gave.
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error
  return new StoreError(byErrno[code] ?? 'unavailable', `The local store failed with ${code}.`, error)
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
