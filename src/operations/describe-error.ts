import { type DatabaseFailure, databaseFailureOf } from '../database/connection/postgres-errors.ts'
import { isAppError } from '../errors/app-error.ts'
import { sentenceOf } from '../errors/faults.ts'
import { describeDiskFailure } from '../storage/local/local-errors.ts'
import { type S3Failure, s3FailureOf, type S3Trouble } from '../storage/s3/requests/s3-errors.ts'
import { S3Error } from '../storage/s3/requests/s3-operation.ts'

/**
 * Describes a failure in one sentence. Messages of libraries may name a path, a bucket or a key, so only the log has
 * them.
 */
export function describeError(error: unknown, at: Date): string {
  for (const each of chainOf(error)) {
    const sentence = describeOne(each)
    if (sentence !== undefined) return sentence
  }
  return `It failed for a reason that the log of that instance has, at ${at.toISOString()}.`
}

/** The error and its causes. */
function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let each = error; each instanceof Error && !chain.includes(each); each = each.cause) chain.push(each)
  return chain
}

function describeOne(error: Error): string | undefined {
  if (isAppError(error)) return sentenceOf(error)
  if (error instanceof S3Error) return describeS3(error.failure)
  // An error of the SDK. Its network errors look like the database's, so they are checked first.
  if ('$metadata' in error) return describeS3(s3FailureOf(error))
  const failure = databaseFailureOf(error)
  return failure === undefined ? describeDiskFailure(error) : databaseFailureText[failure]
}

const databaseFailureText: Record<DatabaseFailure, string> = {
  unreachable: 'The database could not be reached.',
  invalid_value: 'The database rejected a value that it cannot store.',
  constraint: 'The database rejected a change that contradicts its other rows.',
  credentials: 'The database rejected the user or the password of the service.',
  concurrent_change: 'Another transaction changed the same rows.',
  not_allowed: 'The database lacks something that this version of the service needs, or does not allow it.',
  out_of_resources: 'The database is out of disk space, memory or connections.',
  locked: 'Another transaction locked the rows for too long.',
  ended: 'The database was shutting down, or ended a statement that took too long.',
  other: 'The database failed.',
}

function describeS3({ code, trouble }: S3Failure): string {
  if (trouble !== undefined) return `${s3TroubleText[trouble]}.`
  return code === 'bytes_missing' ? 'A file is not on S3.' : 'S3 rejected the request.'
}

/** One sentence per trouble, without internal names. */
export const s3TroubleText: Record<S3Trouble, string> = {
  no_answer: 'S3 does not answer',
  no_credentials: 'S3 is configured, but there are no credentials for it',
  refused_credentials: 'S3 rejects the credentials',
  not_allowed: 'S3 denies a permission that the service needs',
  no_bucket: 'The bucket does not exist',
  wrong_place: 'The bucket is in another region',
  clock_off: 'S3 rejects requests because its clock and ours differ',
  too_busy: 'S3 is too busy',
  broken: 'S3 answers with errors',
  not_s3: 'The S3 endpoint is not an S3 server',
  not_ours: 'The bucket does not belong to this installation',
  ending: 'The service is stopping',
}
