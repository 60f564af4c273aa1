import * as S3 from '@aws-sdk/client-s3'

import type { Calls } from './target.ts'

const anyone = (Bucket: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: [`arn:aws:s3:::${Bucket}/public/*`] },
    ],
  })
const cors = { CORSRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['https://portal.example'] }] }
const lifecycle = {
  Rules: [{ ID: 'x', Status: 'Enabled' as const, Filter: { Prefix: 'x/' }, Expiration: { Days: 3650 } }],
}
const tagging = { TagSet: [{ Key: 'a', Value: 'b' }] }
const encryption = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } }] }

export const callsOnBucket: Calls = {
  'list objects': ['s3:ListBucket', (s3, { bucket: Bucket }) => s3.send(new S3.ListObjectsV2Command({ Bucket }))],
  'ask for the bucket': ['s3:ListBucket', (s3, { bucket: Bucket }) => s3.send(new S3.HeadBucketCommand({ Bucket }))],
  'list versions': [
    's3:ListBucketVersions',
    (s3, { bucket: Bucket }) => s3.send(new S3.ListObjectVersionsCommand({ Bucket })),
  ],
  'list unfinished uploads': [
    's3:ListBucketMultipartUploads',
    (s3, { bucket: Bucket }) => s3.send(new S3.ListMultipartUploadsCommand({ Bucket })),
  ],
  'read the location': [
    's3:GetBucketLocation',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketLocationCommand({ Bucket })),
  ],
  'read the bucket’s list of access': [
    's3:GetBucketAcl',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketAclCommand({ Bucket })),
  ],
  'change the bucket’s list of access': [
    's3:PutBucketAcl',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutBucketAclCommand({ Bucket, ACL: 'private' })),
  ],
  'read the policy': [
    's3:GetBucketPolicy',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketPolicyCommand({ Bucket })),
  ],
  'change the policy': [
    's3:PutBucketPolicy',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy: anyone(Bucket) })),
  ],
  'remove the policy': [
    's3:DeleteBucketPolicy',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteBucketPolicyCommand({ Bucket })),
  ],
  'read versioning': [
    's3:GetBucketVersioning',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketVersioningCommand({ Bucket })),
  ],
  'change versioning': [
    's3:PutBucketVersioning',
    (s3, { bucket: Bucket }) =>
      s3.send(new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })),
  ],
  'read the lifecycle': [
    's3:GetLifecycleConfiguration',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketLifecycleConfigurationCommand({ Bucket })),
  ],
  'change the lifecycle': [
    's3:PutLifecycleConfiguration',
    (s3, { bucket: Bucket }) =>
      s3.send(new S3.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: lifecycle })),
  ],
  'remove the lifecycle': [
    's3:PutLifecycleConfiguration',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteBucketLifecycleCommand({ Bucket })),
  ],
  'read CORS': ['s3:GetBucketCORS', (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketCorsCommand({ Bucket }))],
  'change CORS': [
    's3:PutBucketCORS',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutBucketCorsCommand({ Bucket, CORSConfiguration: cors })),
  ],
  'remove CORS': ['s3:PutBucketCORS', (s3, { bucket: Bucket }) => s3.send(new S3.DeleteBucketCorsCommand({ Bucket }))],
  'read the encryption': [
    's3:GetEncryptionConfiguration',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketEncryptionCommand({ Bucket })),
  ],
  'remove the encryption': [
    's3:PutEncryptionConfiguration',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteBucketEncryptionCommand({ Bucket })),
  ],
  'read the block of public access': [
    's3:GetBucketPublicAccessBlock',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetPublicAccessBlockCommand({ Bucket })),
  ],
  'change the block of public access': [
    's3:PutBucketPublicAccessBlock',
    (s3, { bucket: Bucket }) =>
      s3.send(
        new S3.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { IgnorePublicAcls: true } }),
      ),
  ],
  'remove the block of public access': [
    's3:PutBucketPublicAccessBlock',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeletePublicAccessBlockCommand({ Bucket })),
  ],
  'see whether the policy is public': [
    's3:GetBucketPolicyStatus',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketPolicyStatusCommand({ Bucket })),
  ],
  'read the bucket’s tags': [
    's3:GetBucketTagging',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketTaggingCommand({ Bucket })),
  ],
  'change the bucket’s tags': [
    's3:PutBucketTagging',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutBucketTaggingCommand({ Bucket, Tagging: tagging })),
  ],
  'read the bucket’s Object Lock': [
    's3:GetBucketObjectLockConfiguration',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetObjectLockConfigurationCommand({ Bucket })),
  ],
  'change the bucket’s Object Lock': [
    's3:PutBucketObjectLockConfiguration',
    (s3, { bucket: Bucket }) =>
      s3.send(
        new S3.PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } }),
      ),
  ],
  'read who pays': [
    's3:GetBucketRequestPayment',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetBucketRequestPaymentCommand({ Bucket })),
  ],
  'change who pays': [
    's3:PutBucketRequestPayment',
    (s3, { bucket: Bucket }) =>
      s3.send(new S3.PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration: { Payer: 'BucketOwner' } })),
  ],
  'change the encryption': [
    's3:PutEncryptionConfiguration',
    (s3, { bucket: Bucket }) =>
      s3.send(new S3.PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: encryption })),
  ],
  'remove the bucket': ['s3:DeleteBucket', (s3, { bucket: Bucket }) => s3.send(new S3.DeleteBucketCommand({ Bucket }))],
}

/** The gateway allows these to every user, whatever their policies. Only an assumed role is denied. */
export const callsBesideBuckets: Calls = {
  'list buckets': ['s3:ListAllMyBuckets', (s3) => s3.send(new S3.ListBucketsCommand({}))],
  'make the bucket': ['s3:CreateBucket', (s3, { bucket: Bucket }) => s3.send(new S3.CreateBucketCommand({ Bucket }))],
  'make another bucket': [
    's3:CreateBucket',
    (s3, { bucket }) => s3.send(new S3.CreateBucketCommand({ Bucket: `${bucket}-more` })),
  ],
}
