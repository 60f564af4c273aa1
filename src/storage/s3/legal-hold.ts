import {
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutObjectLegalHoldCommand,
} from '@aws-sdk/client-s3'

import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { callS3Expecting, type S3Context } from './requests/s3-operation.ts'

/** `no_lock`: the bucket has no Object Lock. `not_allowed`: the credentials lack `s3:PutObjectLegalHold`. */
export type LegalHoldOutcome = 'done' | 'missing' | 'no_lock' | 'not_allowed'

const outcomes = new Map<string, LegalHoldOutcome>([
  ['NoSuchKey', 'missing'],
  // The newest version is a delete marker.
  ['MethodNotAllowed', 'missing'],
  ['InvalidRequest', 'no_lock'],
  ['ObjectLockConfigurationNotFoundError', 'no_lock'],
  ['AccessDenied', 'not_allowed'],
])

/** Places or lifts Object Lock's legal hold on an object. */
export async function setLegalHold(context: S3Context, key: StorageKey, isHeld: boolean): Promise<LegalHoldOutcome> {
  const command = new PutObjectLegalHoldCommand({
    Bucket: context.bucket,
    Key: key,
    LegalHold: { Status: isHeld ? 'ON' : 'OFF' },
  })
  const answer = await callS3Expecting(
    context,
    { operation: 'put_legal_hold', key },
    { command, answers: [...outcomes.keys()] },
  )
  return 'errorName' in answer ? (outcomes.get(answer.errorName) ?? 'done') : 'done'
}

/** How long the lifecycle keeps old versions of an object. Undefined when no rule applies or the credentials may not read the rules. */
export async function findNoncurrentDays(context: S3Context, key: string): Promise<number | undefined> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: context.bucket })
  const unknown = ['AccessDenied', 'NoSuchLifecycleConfiguration']
  const answer = await callS3Expecting(context, { operation: 'get_lifecycle' }, { command, answers: unknown })
  if ('errorName' in answer) return undefined
  const days = (answer.Rules ?? []).flatMap((rule) => (appliesTo(rule, key) ? (daysOf(rule) ?? []) : []))
  return days.length === 0 ? undefined : Math.min(...days)
}

/** Ignores rules that filter by more than a prefix, because they may not apply to the object. */
function appliesTo({ Status, Filter, Prefix }: LifecycleRule, key: string): boolean {
  const { Prefix: filtered, ...others } = Filter ?? {}
  return Status === 'Enabled' && Object.keys(others).length === 0 && key.startsWith(filtered ?? Prefix ?? '')
}

/** A rule that keeps some newer versions does not say when the last one is removed. */
function daysOf({ NoncurrentVersionExpiration: expiration }: LifecycleRule): number | undefined {
  return expiration?.NewerNoncurrentVersions === undefined ? expiration?.NoncurrentDays : undefined
}
