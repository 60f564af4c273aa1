import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'

import { freshBucket } from './fresh-bucket.ts'
import { listBucket } from './list-everything.ts'
import { s3ClientOf } from '../services/packages/s3-client.ts'

test('the app user may write into a fresh bucket, and the owner sees its objects and unfinished uploads', async () => {
  const bucket = await freshBucket()
  const app = s3ClientOf(bucket.s3, bucket.s3.app)
  await app.send(new PutObjectCommand({ Bucket: bucket.name, Key: 'b', Body: 'document' }))
  await app.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: 'a' }))

  const things = await listBucket(bucket.client, bucket.name)

  expect(things).toMatchObject([
    { kind: 'unfinished_upload', key: 'a' },
    { kind: 'object', key: 'b', size: 8 },
  ])
  app.destroy()
  await bucket.remove()
})

test('a fresh bucket is removed with its versions, delete markers and unfinished uploads', async () => {
  const bucket = await freshBucket()
  const { client, name } = bucket
  const versioning = { Status: 'Enabled' } as const
  await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: versioning }))
  await client.send(new PutObjectCommand({ Bucket: name, Key: 'a', Body: 'first' }))
  await client.send(new PutObjectCommand({ Bucket: name, Key: 'a', Body: 'second' }))
  await client.send(new DeleteObjectCommand({ Bucket: name, Key: 'a' }))
  await client.send(new CreateMultipartUploadCommand({ Bucket: name, Key: 'b' }))
  const kinds = (await listBucket(client, name)).map(({ kind }) => kind)
  expect(kinds).toEqual(['delete_marker', 'object', 'object', 'unfinished_upload'])

  await bucket.remove()

  const owner = s3ClientOf(bucket.s3, bucket.s3.owner)
  await expect(owner.send(new HeadBucketCommand({ Bucket: name }))).rejects.toMatchObject({ name: 'NotFound' })
  owner.destroy()
})
