import {
  GetBucketLifecycleConfigurationCommand,
  type GetBucketLifecycleConfigurationCommandOutput,
  type LifecycleRule,
} from '@aws-sdk/client-s3'

import { callS3, type S3Reach } from './s3-operation.ts'

/** Undefined where the lifecycle says nothing of such objects, or the credentials may not read it, which they need not. */
export async function findNoncurrentDays(reach: S3Reach, key: string): Promise<number | undefined> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: reach.bucket })
  const { Rules = [] } = await callS3(
    reach,
    { operation: 'get_lifecycle' },
    (options): Promise<Pick<GetBucketLifecycleConfigurationCommandOutput, 'Rules' | '$metadata'>> =>
      reach.client.send(command, options).catch(unlessUnknown),
  )
  const days = Rules.flatMap((rule) => (isOf(rule, key) ? (daysOf(rule) ?? []) : []))
  return days.length === 0 ? undefined : Math.min(...days)
}

function unlessUnknown(error: unknown): { $metadata: object } {
  const isAnswer = error instanceof Error && ['AccessDenied', 'NoSuchLifecycleConfiguration'].includes(error.name)
  if (isAnswer) return { $metadata: {} }
  throw error
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
