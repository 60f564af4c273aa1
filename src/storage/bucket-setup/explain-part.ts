import { AppError } from '../../errors.ts'
import { type Explanation, explainS3Failure } from '../connection-test/explain-s3-failure.ts'
import { isAmazon } from '../s3-client.ts'
import { isUnknownCall, s3FailureOf, type S3Trouble } from '../s3-errors.ts'
import type { BucketReach } from './bucket-part.ts'
import { CallFailed, NotProved, NotTakenBack } from './call-failed.ts'
import { type PartName, setupRights } from './setup-rights.ts'

const hopeless = new Set<S3Trouble | undefined>([
  'no_answer',
  'no_credentials',
  'refused_credentials',
  'no_bucket',
  'wrong_place',
  'clock_off',
  'not_s3',
])

/** Throws where the next part would fail in the same way, with what to do. */
export function rethrowHopeless(reach: BucketReach, error: unknown): void {
  // Told to end, or found out already.
  if (reach.signal.aborted || error instanceof AppError) throw error
  const cause = causeOf(error)
  const { trouble, s3Code } = s3FailureOf(cause)
  if (!hopeless.has(trouble)) return
  const { says, advice } = explainS3Failure(cause, { ...reach, right: rightOf(error, 'versioning') })
  const more = s3Code === 'NoSuchBucket' ? ' `./bin/paniq-docs s3 test` makes it, with credentials that may.' : ''
  throw new AppError('store_unavailable', `${says}. ${advice}${more}`, { cause: error })
}

/** Before anything was changed: what is set could not be proved to be in nobody’s way. */
export function notProvedBefore(reach: BucketReach, error: NotProved): AppError {
  rethrowHopeless(reach, error)
  const { says, advice } = explainS3Failure(error.cause, { ...reach, right: error.right })
  return new AppError(
    'store_unavailable',
    `Nothing was changed: each change is proved by an object that is put, read and removed, and that cannot be done now. ${says}. ${advice}`,
    { cause: error },
  )
}

/** Whether the store has no such thing, or has it in a way in which nothing else goes: only Amazon’s is known to have all. */
export function isLacking({ config }: BucketReach, error: unknown): boolean {
  if (error instanceof NotTakenBack) return false
  return isUnknownCall(causeOf(error)) || (error instanceof NotProved && !isAmazon(config))
}

export function explainPart(reach: BucketReach, part: PartName, error: unknown): Explanation {
  if (error instanceof NotProved) return explainNotProved(reach, error)
  if (error instanceof NotTakenBack) return explainNotTakenBack(reach, error)
  if (isLacking(reach, error))
    return { says: 'This store has no such thing', advice: 'The rest of the bucket is set up without it.' }
  return explainS3Failure(causeOf(error), { ...reach, right: rightOf(error, part) })
}

function explainNotProved(reach: BucketReach, error: NotProved): Explanation {
  const { says } = explainS3Failure(error.cause, { ...reach, right: error.right })
  return {
    says: `With it the bucket does not take what the service sends (${says}), so it was left as it is`,
    advice: isAmazon(reach.config)
      ? 'See what stands in the way, such as a right on the key, and run this again.'
      : 'The store says that it can have it, and does not do as Amazon’s does.',
  }
}

function explainNotTakenBack(reach: BucketReach, error: NotTakenBack): Explanation {
  const { says } = explainS3Failure(error.cause, { ...reach, right: error.right })
  return {
    says: `It was put to see whether papers still go in, and could not be taken back (${says})`,
    advice: 'Put it back by hand as it was; ./bin/paniq-docs s3 test tells whether the bucket takes papers.',
  }
}

function rightOf(error: unknown, part: PartName): string {
  return error instanceof CallFailed ? error.right : setupRights[part].write
}

function causeOf(error: unknown): unknown {
  return error instanceof CallFailed ? error.cause : error
}
