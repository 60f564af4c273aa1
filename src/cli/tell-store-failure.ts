import type { StoreError } from '../storage/file-store.ts'
import { adviceOnDisk, tellDiskFailure } from '../storage/local-errors.ts'
import { PlaceFailure } from '../storage/backup-place/backup-place.ts'
import { S3Error } from '../storage/s3-operation.ts'

/** What a store that cannot serve said, as a sentence, and what to do, as the beginning of one. */
export function tellStoreFailure(error: StoreError): { says: string; advice: string } {
  if (!(error instanceof PlaceFailure)) return tell(error, undefined)
  const { cause, place, policy } = error
  const told = tell(cause, place)
  const isForbidden = cause instanceof S3Error && cause.failure.trouble === 'not_allowed'
  return isForbidden && policy !== undefined ? { ...told, advice: givePolicy(policy) } : told
}

/** What to do where a right is missing in a bucket of backups, as the beginning of a sentence. */
export function givePolicy(policy: string): string {
  return `Use credentials that have the policy deploy/policies/${policy}.json`
}

/** `place`: where backups are kept, when it was that. */
function tell(error: StoreError, place: string | undefined): { says: string; advice: string } {
  const where = place ?? 'S3'
  if (error instanceof S3Error)
    return {
      says: `${where} cannot be used (${error.failure.s3Code}).`,
      advice: place === undefined ? seeS3Test : 'See that it answers and may be used with these credentials',
    }
  const disk = place ?? 'UPLOADS_DIR or DATA_DIR'
  return { says: `${disk}: ${tellDiskFailure(error.cause) ?? error.message}`, advice: adviceOnDisk(error.cause) }
}

const seeS3Test = 'See what ./bin/paniq-docs s3 test says'
