import {
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutObjectLegalHoldCommand,
} from '@aws-sdk/client-s3'

import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { callS3Expecting, type S3Context } from './requests/s3-operation.ts'

/** `no_lock`: the bucket has no Object Lock. `not_allowed`: the credentials lack a right that they need for nothing else. */
export type LegalHoldOutcome = 'done' | 'missing' | 'no_lock' | 'not_allowed'

const answers = new Map<string, LegalHoldOutcome>([
  ['NoSuchKey', 'missing'],
  // The newest version of it is a marker that hides it.
  ['MethodNotAllowed', 'missing'],
  ['InvalidRequest', 'no_lock'],
  ['ObjectLockConfigurationNotFoundError', 'no_lock'],
  ['AccessDenied', 'not_allowed'],
])

/** Puts Object Lock's legal hold on an object, or lifts it. */
export async function setLegalHold(context: S3Context, key: StorageKey, isHeld: boolean): Promise<LegalHoldOutcome> {
  const command = new PutObjectLegalHoldCommand({
    Bucket: context.bucket,
    Key: key,
    LegalHold: { Status: isHeld ? 'ON' : 'OFF' },
  })
  const answer = await callS3Expecting(
    context,
    { operation: 'put_legal_hold', key },
    { command, answers: [...answers.keys()] },
  )
  return 'errorName' in answer ? (answers.get(answer.errorName) ?? 'done') : 'done'
}

/** Undefined where the lifecycle says nothing of such objects, or the credentials may not read it, which they need not. */
export async function findNoncurrentDays(context: S3Context, key: string): Promise<number | undefined> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: context.bucket })
  const unknown = ['AccessDenied', 'NoSuchLifecycleConfiguration']
  const answer = await callS3Expecting(context, { operation: 'get_lifecycle' }, { command, answers: unknown })
  if ('errorName' in answer) return undefined
  const days = (answer.Rules ?? []).flatMap((rule) => (isOf(rule, key) ? (daysOf(rule) ?? []) : []))
  return days.length === 0 ? undefined : Math.min(...days)
}

/** One that asks for more than a prefix may not speak of this object. */
function isOf({ Status, Filter, Prefix }: LifecycleRule, key: string): boolean {
  const { Prefix: filtered, ...others } = Filter ?? {}
  return Status === 'Enabled' && Object.keys(others).length === 0 && key.startsWith(filtered ?? Prefix ?? '')
}

/** A rule that keeps some newer ones too says nothing of when the last of them goes. */
function daysOf({ NoncurrentVersionExpiration: expiration }: LifecycleRule): number | undefined {
  return expiration?.NewerNoncurrentVersions === undefined ? expiration?.NoncurrentDays : undefined
}
