import { CfnDeletionPolicy } from 'aws-cdk-lib'
import { CfnKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'

type Wish = {
  account: string
  description: string
  /** The ARN of a distribution that reads what the key encrypts. */
  readBy?: string
}

/** A key for one bucket: the account's roles say who may use it, and a distribution may read with it. Without it every document is lost, so it outlives its stack. */
export function papersKey(scope: Construct, { account, description, readBy }: Wish): CfnKey {
  const key = new CfnKey(scope, 'Key', {
    description,
    enableKeyRotation: true,
    pendingWindowInDays: 30,
    keyPolicy: {
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'RolesOfTheAccountSay',
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${account}:root` },
          Action: 'kms:*',
          Resource: '*',
        },
        ...(readBy === undefined ? [] : [distributionReads(readBy)]),
      ],
    },
  })
  key.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN
  key.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN
  return key
}

function distributionReads(distribution: string) {
  return {
    Sid: 'CloudFrontDecryptsDocuments',
    Effect: 'Allow',
    Principal: { Service: 'cloudfront.amazonaws.com' },
    Action: 'kms:Decrypt',
    Resource: '*',
    Condition: { StringEquals: { 'AWS:SourceArn': distribution } },
  }
}
