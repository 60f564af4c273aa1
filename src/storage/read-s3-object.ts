import { Readable } from 'node:stream'

import { GetObjectCommand } from '@aws-sdk/client-s3'

import type { ByteRange } from './file-store.ts'
import { handOn } from './hand-on.ts'
import { type S3Failure, s3FailureOf } from './s3-errors.ts'
import { beginS3Event, endInFailure, noSuchAnswer, S3Error, type S3Reach } from './s3-operation.ts'

/** Resolves when the first bytes are there. The operation's event comes when the last are, or the reader goes away. */
export async function readS3Object(reach: S3Reach, key: string, range?: ByteRange): Promise<Readable> {
  const call = { operation: 'get_object', key } as const
  const finish = beginS3Event(reach, call)
  const command = new GetObjectCommand({ Bucket: reach.bucket, Key: key, ...(range && { Range: rangeHeader(range) }) })
  const answer = await reach.client.send(command, { requestTimeout: reach.answerMs }).catch((error: unknown) => {
    throw endInFailure(call, error, finish)
  })
  const { attempts: attempt = 1, requestId } = answer.$metadata
  const { Body: body } = answer
  // In Node the SDK's body is a Readable; its type covers browsers too.
  if (!(body instanceof Readable)) throw noSuchAnswer('get_object')

  let bytes = 0
  let failure: S3Failure | undefined
  const output = handOn(body, (error) => {
    failure = { ...s3FailureOf(error), code: 'unavailable', trouble: 'no_answer' }
    return new S3Error(call.operation, failure, error)
  })
  body.on('data', (chunk: Buffer) => (bytes += chunk.length))
  output.once('close', () => {
    if (failure) finish({ outcome: failure.code, attempt, bytes, requestId, failure })
    else finish({ outcome: output.readableEnded ? 'ok' : 'aborted', attempt, bytes, requestId })
  })
  return output
}

function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end ?? ''}`
}
