import * as S3 from '@aws-sdk/client-s3'

import type { Calls } from './target.ts'

export const callsElsewhere: Calls = {
  'list another bucket': ['s3:ListBucket', (s3, { other: Bucket }) => s3.send(new S3.ListObjectsV2Command({ Bucket }))],
  'get a document of another bucket': [
    's3:GetObject',
    (s3, { other: Bucket, document: Key }) => s3.send(new S3.GetObjectCommand({ Bucket, Key })),
  ],
  'put a document into another bucket': [
    's3:PutObject',
    (s3, { other: Bucket, document: Key }) => s3.send(new S3.PutObjectCommand({ Bucket, Key, Body: 'x' })),
  ],
  'delete a document of another bucket': [
    's3:DeleteObject',
    (s3, { other: Bucket, document: Key }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key })),
  ],
  'read another bucket’s versioning': [
    's3:GetBucketVersioning',
    (s3, { other: Bucket }) => s3.send(new S3.GetBucketVersioningCommand({ Bucket })),
  ],
  'change another bucket’s policy': [
    's3:PutBucketPolicy',
    (s3, { other: Bucket }) => s3.send(new S3.DeleteBucketPolicyCommand({ Bucket })),
  ],
  'list the heads': [
    's3:ListBucket',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.ListObjectsV2Command({ Bucket, Prefix: 'heads/' })),
  ],
  'list all of the heads’ and backups’ bucket': [
    's3:ListBucket',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.ListObjectsV2Command({ Bucket })),
  ],
  'get a head': [
    's3:GetObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.GetObjectCommand({ Bucket, Key: 'heads/1.json' })),
  ],
  'put a head': [
    's3:PutObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.PutObjectCommand({ Bucket, Key: 'heads/2.json', Body: 'x' })),
  ],
  'put something beside the heads': [
    's3:PutObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.PutObjectCommand({ Bucket, Key: 'other/2.json', Body: 'x' })),
  ],
  'delete a head': [
    's3:DeleteObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: 'heads/1.json' })),
  ],
  'list the backups': [
    's3:ListBucket',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.ListObjectsV2Command({ Bucket, Prefix: 'paniq/backups/' })),
  ],
  'get a file of the backups': [
    's3:GetObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.GetObjectCommand({ Bucket, Key: 'paniq/files/1' })),
  ],
  'put a file of the backups': [
    's3:PutObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.PutObjectCommand({ Bucket, Key: 'paniq/files/2', Body: 'x' })),
  ],
  'put a damaged file of the backups aside': [
    's3:PutObject',
    (s3, { elsewhere: Bucket }) =>
      s3.send(
        new S3.CopyObjectCommand({ Bucket, Key: 'paniq/files/1.damaged', CopySource: `${Bucket}/paniq/files/1` }),
      ),
  ],
  'delete a backup': [
    's3:DeleteObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: 'paniq/backups/1/x' })),
  ],
  'delete a file of the backups': [
    's3:DeleteObject',
    (s3, { elsewhere: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: 'paniq/files/1' })),
  ],
}
