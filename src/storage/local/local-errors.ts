import { codeOf, hasCode } from '../../errors/app-error.ts'
import { StoreError, type StoreErrorCode } from '../file-store.ts'

/** Errors that are an answer about one file. */
const byErrno = new Map<string, StoreErrorCode>([
  ['EEXIST', 'key_taken'],
  ['ENOENT', 'bytes_missing'],
])

/**
 * Turns an error of the file system into a `StoreError`. All errors but the two above (no space, no permission, a failing
 * disk, a link instead of a folder) are `unavailable`. Keys are checked before, so no error is the caller's fault.
 */
export function toLocalError(error: unknown): unknown {
  if (!isSystemError(error)) return error
  const code = codeOf(error) ?? 'an unknown error'
  return new StoreError(byErrno.get(code) ?? 'unavailable', `The local store failed with ${code}.`, error)
}

/** Does work in the file system. Its errors become `StoreError`s. */
export async function inLocalStore<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw toLocalError(error)
  }
}

// An error without `errno` is a bug or a reason that a caller gave.
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number'
}

/** The path of a key is a folder, a link or another non-file. The disk itself works. */
export class NotAFileError extends StoreError {
  constructor(message: string) {
    super('unavailable', message)
  }
}

/** Errors that may concern one file only: no permission, a bad sector, an impossible path. */
const singleFileCodes = new Set(['EACCES', 'EPERM', 'EIO', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR', 'ENXIO'])

/** Whether the error may concern one file and not its disk. */
export function isSingleFileFailure(error: unknown): boolean {
  if (error instanceof NotAFileError) return true
  return error instanceof StoreError && singleFileCodes.has(codeOf(error.cause) ?? '')
}

/** Whether a disk is full or read-only. */
export function isDiskFullOrReadOnly(error: unknown): error is StoreError {
  return error instanceof StoreError && hasCode(error.cause, 'ENOSPC', 'EDQUOT', 'EROFS')
}

type DiskFailure = { message: string; advice: string }

const fullDisk = { message: 'A disk is full.', advice: 'Make room there' }
const notAllowed = {
  message: 'The service has no permission for a file or folder that it needs.',
  advice: 'Let this user read and write everything there',
}
const notThere = {
  message: 'A file or folder that the service needs does not exist.',
  advice: 'Check that it is mounted',
}
const tooMany = {
  message: 'Too many files are open at once.',
  advice: 'Raise the limit (ulimit -n), or lower --concurrency',
}
const seeSystemLog = 'Check the system log for that disk'

const diskFailures = new Map<string, DiskFailure>([
  ['ENOSPC', fullDisk],
  ['EDQUOT', fullDisk],
  ['EACCES', notAllowed],
  ['EPERM', notAllowed],
  ['EROFS', { message: 'A disk is read-only.', advice: 'Mount it with write access' }],
  ['ENOENT', notThere],
  ['ENOTDIR', notThere],
  ['EIO', { message: 'A disk fails.', advice: seeSystemLog }],
  ['EMFILE', tooMany],
  ['ENFILE', tooMany],
])

/** Describes a failure of the file system without its path. Undefined for rare failures and other errors. */
export function describeDiskFailure(error: unknown): string | undefined {
  return diskFailures.get(codeOf(error) ?? '')?.message
}

/** Says what to do about a failed disk, as the beginning of a sentence. */
export function adviseOnDiskFailure(error: unknown): string {
  return diskFailures.get(codeOf(error) ?? '')?.advice ?? seeSystemLog
}
