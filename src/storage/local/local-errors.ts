import { codeOf, hasCode } from '../../errors/app-error.ts'
import { StoreError, type StoreErrorCode } from '../file-store.ts'

/** The failures that answer a question. */
const byErrno = new Map<string, StoreErrorCode>([
  ['EEXIST', 'key_taken'],
  ['ENOENT', 'bytes_missing'],
])

/**
 * A failure of the file system as the store's own. Any other than the two above (no space, no permission, a failing
 * disk, a link or a file in place of a folder) is `unavailable`: keys are checked before, so it is never the caller's.
 */
export function toLocalError(error: unknown): unknown {
  if (!isSystemError(error)) return error
  const code = codeOf(error) ?? 'an unknown error'
  return new StoreError(byErrno.get(code) ?? 'unavailable', `The local store failed with ${code}.`, error)
}

// What has no number of the system's is a fault of ours, or a reason that a caller gave.
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number'
}

/** Under one key the disk has a folder, a link or something else that is no file. It is no fault of the disk. */
export class NotAFileError extends StoreError {
  constructor(message: string) {
    super('unavailable', message)
  }
}

/** What the system says of one file: somebody may not read it, its part of the disk is bad, or its path cannot be one. */
const ofOneFile = new Set(['EACCES', 'EPERM', 'EIO', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR', 'ENXIO'])

/** Whether this may be the fault of one file, and not of its disk. */
export function isSingleFileFailure(error: unknown): boolean {
  if (error instanceof NotAFileError) return true
  return error instanceof StoreError && ofOneFile.has(codeOf(error.cause) ?? '')
}

/** Whether a disk is full, or can only be read. */
export function isDiskFullOrReadOnly(error: unknown): error is StoreError {
  return error instanceof StoreError && hasCode(error.cause, 'ENOSPC', 'EDQUOT', 'EROFS')
}

type DiskFailure = { message: string; advice: string }

const fullDisk = { message: 'A disk is full.', advice: 'Make room there' }
const notAllowed = {
  message: 'The service has no permission for a file or folder that it needs.',
  advice: 'Let this user read and write all that lies there',
}
const notThere = { message: 'A file or folder that the service needs is not there.', advice: 'See that it is mounted' }
const tooMany = {
  message: 'Too many files are open at once.',
  advice: 'Raise the limit (ulimit -n), or lower --concurrency',
}
const askTheSystem = 'See what the system says of that disk'

const diskFailures = new Map<string, DiskFailure>([
  ['ENOSPC', fullDisk],
  ['EDQUOT', fullDisk],
  ['EACCES', notAllowed],
  ['EPERM', notAllowed],
  ['EROFS', { message: 'A disk takes nothing: it can only be read.', advice: 'Mount it so that it can be written to' }],
  ['ENOENT', notThere],
  ['ENOTDIR', notThere],
  ['EIO', { message: 'A disk fails.', advice: askTheSystem }],
  ['EMFILE', tooMany],
  ['ENFILE', tooMany],
])

/** Why the file system failed, without a path; undefined where it was not that, or for a reason that is rare. */
export function describeDiskFailure(error: unknown): string | undefined {
  return diskFailures.get(codeOf(error) ?? '')?.message
}

/** What to do with a disk that failed so, as the beginning of a sentence. */
export function adviseOnDiskFailure(error: unknown): string {
  return diskFailures.get(codeOf(error) ?? '')?.advice ?? askTheSystem
}
