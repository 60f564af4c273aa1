import { setTimeout as sleep } from 'node:timers/promises'

import type { S3Client, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-s3'
import type { Command } from '@smithy/types'
import type { Logger } from 'pino'

import { currentSpan } from '../../../logging/spans.ts'
import type { ByteBudget } from '../../streams/memory-budget.ts'
import { type FirstPut, isTransient, maxRetryDelayMs, type PutAnswer } from './s3-first-put.ts'
import { StoreError } from '../../file-store.ts'
import { type S3Failure, s3FailureOf } from './s3-errors.ts'

type S3OperationName =
  | 'put_object'
  | 'get_object'
  | 'head_object'
  | 'head_bucket'
  | 'delete_object'
  | 'delete_objects'
  | 'copy_object'
  | 'list_objects'
  | 'list_multiparts'
  | 'create_multipart'
  | 'upload_part'
  | 'complete_multipart'
  | 'abort_multipart'
  | 'list_versions'
  | 'delete_version'
  | 'get_lifecycle'
  | 'put_legal_hold'

export type S3OperationReport = { operation: S3OperationName; outcome: string; seconds: number; bytes: number }

export type S3Context = {
  /** Whether the bucket is versioned, as answers showed. Undefined until the first removal. */
  observed: { versions: boolean | undefined }
  client: S3Client
  /** Makes the first attempt at a PUT from memory. Undefined: the SDK makes all attempts. */
  firstPut?: FirstPut
  bucket: string
  answerMs: number
  /** Whether S3 checks a part against the hash in a checksum header and stores the hash with the object. */
  hasChecksums: boolean
  /** Limits the memory of all parts that are being sent. */
  sending: ByteBudget
  log: Pick<Logger, 'info' | 'warn'>
  onOperation: (report: S3OperationReport) => void
}

export type S3Call = {
  operation: S3OperationName
  key?: string
  bytes?: number
  signal?: AbortSignal | undefined
  /** Makes the first attempt instead of the SDK, with this timeout. */
  first?: (timeoutMs: number) => Promise<PutAnswer>
}

type S3Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  Input,
  ServiceOutputTypes,
  Output,
  S3ClientResolvedConfig
>

const minBytesPerSecond = 256 * 1024 // a slower connection counts as dead

/** A failed call to S3, with the facts of S3 and the store's own code. */
export class S3Error extends StoreError {
  readonly failure: S3Failure

  /** `what`: the operation, or another subject. */
  constructor(what: string, failure: S3Failure, cause?: unknown) {
    super(failure.code, `S3 ${what}: ${failure.s3Code}`, cause)
    this.failure = failure
  }
}

/** For an answer without a required part. */
export function incompleteAnswer(operation: S3OperationName): S3Error {
  const failure = { code: 'unavailable', trouble: 'broken', s3Code: 'IncompleteAnswer', attempts: 1 } as const
  return new S3Error(operation, { ...failure, status: undefined, requestId: undefined })
}

/** Whether S3 itself failed, not the file or the client. A later attempt may succeed. */
export function isS3Unavailable(error: unknown): error is S3Error {
  return error instanceof S3Error && error.code === 'unavailable'
}

/** Makes one call and logs it. Failures become `S3Error`s. An abort throws the signal's reason. */
export async function callS3<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  context: S3Context,
  call: S3Call,
  command: S3Command<Input, Output>,
): Promise<Output> {
  const output = await callS3Expecting(context, call, { command, answers: [] })
  detectVersions(context, output)
  // No error was expected as an answer.
  return output as Output
}

/** In an unversioned bucket the version id is absent or the text `null`. */
function detectVersions({ observed: seen }: S3Context, output: object): void {
  const isMarker = 'DeleteMarker' in output && output.DeleteMarker === true
  const id = 'VersionId' in output ? output.VersionId : undefined
  if (isMarker || (typeof id === 'string' && id !== 'null')) seen.versions = true
}

/** The name of an S3 error that the caller expects. */
type ErrorAnswer = { errorName: string; $metadata: { attempts?: number; requestId?: string } }

/** As `callS3`, but returns errors with one of these names instead of counting them as failures of S3. */
export async function callS3Expecting<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  context: S3Context,
  call: S3Call,
  { command, answers }: { command: S3Command<Input, Output>; answers: readonly string[] },
): Promise<Output | ErrorAnswer> {
  const finish = startS3Operation(context, call)
  const requestTimeout = context.answerMs + ((call.bytes ?? 0) / minBytesPerSecond) * 1000
  try {
    const options = { requestTimeout, ...(call.signal && { abortSignal: call.signal }) }
    const output = await sendS3(context, call, { command, options }).catch((error: unknown): ErrorAnswer => {
      if (error instanceof Error && answers.includes(error.name)) return { errorName: error.name, $metadata: {} }
      throw error
    })
    const { attempts = 1, requestId } = output.$metadata
    finish({ outcome: 'ok', attempt: attempts, bytes: call.bytes ?? 0, requestId })
    return output
  } catch (error) {
    throw endWithFailure(call, error, finish)
  }
}

type SendOptions = { requestTimeout: number; abortSignal?: AbortSignal }

/** Makes all attempts at a call. `first` replaces the SDK's first attempt. */
async function sendS3<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  { client, firstPut }: S3Context,
  { first, signal }: S3Call,
  { command, options }: { command: S3Command<Input, Output>; options: SendOptions },
): Promise<Output> {
  if (first === undefined || firstPut === undefined) return client.send(command, options)
  try {
    // `PutAnswer` is a part of the SDK's output of a PUT.
    return (await first(options.requestTimeout)) as Output
  } catch (error) {
    if (signal?.aborted === true || !isTransient(error)) throw error
    await sleep(Math.random() * maxRetryDelayMs(error), undefined, signal && { signal })
  }
  return await firstPut.repeating.send(command, options).then(addFirstAttempt, (error: unknown) => {
    throw isAnswered(error) ? addFirstAttempt(error) : error
  })
}

function isAnswered(error: unknown): error is { $metadata: { attempts?: number } } {
  return error instanceof Error && '$metadata' in error
}

/** Adds the first attempt to the count of the SDK. */
function addFirstAttempt<Answered extends { $metadata: { attempts?: number } }>(answered: Answered): Answered {
  answered.$metadata.attempts = (answered.$metadata.attempts ?? 1) + 1
  return answered
}

type End = {
  outcome: string
  attempt: number
  bytes: number
  /** S3's id of the call, which is also in S3's access log. */
  requestId?: string | undefined
  failure?: S3Failure
}
type Finish = (end: End) => void

/** Starts to measure an operation. The returned function logs it. */
export function startS3Operation(context: S3Context, call: S3Call): Finish {
  const startedAt = performance.now()
  const span = currentSpan()?.begin(`s3 ${call.operation}`, {}, 'client')
  return ({ outcome, attempt, bytes, failure, requestId = failure?.requestId }) => {
    const durationMs = performance.now() - startedAt
    const event = {
      event: 's3_operation',
      operation: call.operation,
      bucket: context.bucket,
      key: call.key,
      bytes,
      duration_ms: Math.round(durationMs * 10) / 10,
      attempt,
      outcome,
      s3_request_id: requestId,
      ...(failure && { s3_code: failure.s3Code, s3_status: failure.status }),
    }
    span?.add({ attempt, bytes, s3_request_id: requestId, s3_code: failure?.s3Code, s3_status: failure?.status })
    span?.end(outcome)
    const isTrouble = outcome === 'unavailable' || outcome === 'misused'
    if (isTrouble) context.log.warn(event)
    else context.log.info(event)
    context.onOperation({ operation: call.operation, outcome, seconds: durationMs / 1000, bytes })
  }
}

/** Logs a failed operation and returns the error to throw. */
export function endWithFailure(call: S3Call, error: unknown, finish: Finish): unknown {
  const failure = s3FailureOf(error, { hasBody: !call.operation.startsWith('head_') })
  if (call.signal?.aborted) {
    finish({ outcome: 'aborted', attempt: failure.attempts, bytes: 0 })
    return call.signal.reason
  }
  if (error instanceof StoreError) {
    // The body could not be read from our own disk, which is no failure of S3.
    finish({ outcome: 'aborted', attempt: failure.attempts, bytes: 0 })
    return error
  }
  finish({ outcome: failure.code, attempt: failure.attempts, bytes: 0, failure })
  return new S3Error(call.operation, failure, error)
}
