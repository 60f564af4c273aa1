import { DeleteBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'

import type { FreshBucket } from './fresh-bucket.ts'

/** Denies this action in the bucket to everybody. The returned function allows it again. */
export async function denyInBucket(
  { client, name: Bucket }: FreshBucket,
  ...actions: string[]
): Promise<() => Promise<void>> {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: actions,
        Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
      },
    ],
  })
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy }))
  return async () => void (await client.send(new DeleteBucketPolicyCommand({ Bucket })))
}
