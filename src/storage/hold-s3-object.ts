import { PutObjectLegalHoldCommand } from '@aws-sdk/client-s3'

import type { StorageKey } from '../vocabulary.ts'
import { callS3, type S3Reach } from './s3-operation.ts'

/** `no_lock`: the bucket has no Object Lock. `not_allowed`: the credentials lack a right that they need for nothing else. */
export type HoldOutcome = 'done' | 'missing' | 'no_lock' | 'not_allowed'

const answers = new Map<string, HoldOutcome>([
  ['NoSuchKey', 'missing'],
  // The newest version of it is a marker that hides it.
  ['MethodNotAllowed', 'missing'],
  ['InvalidRequest', 'no_lock'],
  ['ObjectLockConfigurationNotFoundError', 'no_lock'],
  ['AccessDenied', 'not_allowed'],
])

/** Puts Object Lock's legal hold on an object, or lifts it. */
export async function holdS3Object(reach: S3Reach, key: StorageKey, isHeld: boolean): Promise<HoldOutcome> {
  const command = new PutObjectLegalHoldCommand({
    Bucket: reach.bucket,
    Key: key,
    LegalHold: { Status: isHeld ? 'ON' : 'OFF' },
  })
  const answer = await callS3(reach, { operation: 'put_legal_hold', key }, (options) =>
    reach.client.send(command, options).catch(answerOf),
  )
  return 'outcome' in answer ? answer.outcome : 'done'
}

function answerOf(error: unknown): { outcome: HoldOutcome; $metadata: object } {
  const outcome = error instanceof Error ? answers.get(error.name) : undefined
  if (outcome === undefined) throw error
  return { outcome, $metadata: {} }
}
