import { CfnDeletionPolicy } from 'aws-cdk-lib'
import { CfnBucket, CfnBucketPolicy, type CfnBucketProps } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'

import { bucketArnOf, policyStatements } from '../../src/storage/bucket-setup/policy-statements.ts'
import { encryptionOf, lifecycleOf, publicAccessOf } from './bucket-configuration.ts'

type Wish = {
  name: string
  region: string
  kmsKey: string
  noncurrentDays: number
  /** What this bucket has and its replica has not. */
  more?: Pick<CfnBucketProps, 'corsConfiguration' | 'replicationConfiguration' | 'metricsConfigurations'>
  /** Statements in addition to those of every bucket of documents. */
  statements?: object[]
}

/** A bucket for documents, or for their copies, closed to the public, to plain HTTP and to old signatures. It outlives its stack. */
export function papersBucket(scope: Construct, wish: Wish): CfnBucket {
  const { name, region, kmsKey, noncurrentDays, more = {}, statements = [] } = wish
  const bucket = new CfnBucket(scope, 'Bucket', {
    bucketName: name,
    versioningConfiguration: { status: 'Enabled' },
    lifecycleConfiguration: lifecycleOf(noncurrentDays),
    bucketEncryption: encryptionOf(kmsKey),
    publicAccessBlockConfiguration: publicAccessOf(),
    ownershipControls: { rules: [{ objectOwnership: 'BucketOwnerEnforced' }] },
    ...more,
  })
  bucket.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN
  bucket.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN
  new CfnBucketPolicy(scope, 'BucketPolicy', {
    bucket: bucket.ref,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [...policyStatements(bucketArnOf(name, region)), ...statements],
    },
  })
  return bucket
}
