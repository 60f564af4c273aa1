import { tellDatabaseFailure } from '../database/postgres-errors.ts'
import { isAppError } from '../errors.ts'
import { tellDiskFailure } from '../storage/local-errors.ts'
import { S3Error } from '../storage/s3-operation.ts'
import { type S3Failure, s3FailureOf } from '../storage/s3-errors.ts'
import { whyS3IsOut } from './why-s3-is-out.ts'

/**
 * A failure in a sentence that may be kept and shown: one of ours, or one that says where to look. What a library said
 * may name a path, a bucket or a key, and is for the log alone.
 */
export function tellError(error: unknown, at: Date): string {
  for (const each of chainOf(error)) {
    const sentence = tellOne(each)
    if (sentence !== undefined) return sentence
  }
  return `It failed for a reason that the log of that instance has, at ${at.toISOString()}.`
}

/** It, and what caused it. */
function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let each = error; each instanceof Error && !chain.includes(each); each = each.cause) chain.push(each)
  return chain
}

function tellOne(error: Error): string | undefined {
  if (isAppError(error)) return error.message
  if (error instanceof S3Error) return tellS3(error.failure)
  // What the SDK throws; a failure of the network too, which would else be taken for the database's.
  if ('$metadata' in error) return tellS3(s3FailureOf(error))
  return tellDatabaseFailure(error) ?? tellDiskFailure(error)
}

function tellS3({ code, trouble }: S3Failure): string {
  if (trouble !== undefined) return `${whyS3IsOut[trouble]}.`
  return code === 'bytes_missing' ? 'A file is not on S3.' : 'S3 refused what it was asked for.'
}
