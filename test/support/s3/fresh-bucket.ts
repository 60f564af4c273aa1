import { randomBytes } from 'node:crypto'

import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  type CreateBucketCommandInput,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3'

import { listBucket, type StoredThing } from './list-everything.ts'
import { s3ClientOf } from '../services/packages/s3-client.ts'
import { testServices } from '../services/packages/test-services.ts'
import type { S3Address } from '../services/packages/service-addresses.ts'

export type FreshBucket = {
  name: string
  s3: S3Address
  /** As the owner. */
  client: S3Client
  /** Removes it with its versions, delete markers and unfinished uploads. */
  remove: () => Promise<void>
}

/** A new empty bucket of the owner that the `app` user may use. */
export async function freshBucket(
  s3: S3Address = testServices().s3,
  wish: Pick<CreateBucketCommandInput, 'ObjectLockEnabledForBucket'> = {},
): Promise<FreshBucket> {
  const name = `${s3.bucketPrefix}-${randomBytes(8).toString('hex')}`
  const client = s3ClientOf(s3, s3.owner)
  await client.send(new CreateBucketCommand({ Bucket: name, ...wish, ...locationOf(s3) }))

  return {
    name,
    s3,
    client,
    async remove() {
      await emptyBucket(client, name)
      await client.send(new DeleteBucketCommand({ Bucket: name }))
      client.destroy()
    },
  }
}

/** Makes the bucket versioned from now on. */
export async function enableVersions({ client, name }: FreshBucket): Promise<void> {
  await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }))
}

// Amazon rejects its first region as a constraint; no constraint means that region.
function locationOf(s3: S3Address) {
  if (s3.region === 'us-east-1') return {}
  // The SDK has a list of regions; a gateway may use any name.
  return { CreateBucketConfiguration: { LocationConstraint: s3.region as 'af-south-1' } }
}

async function emptyBucket(client: S3Client, bucket: string): Promise<void> {
  const things = await listBucket(client, bucket)
  for (const thing of things) {
    if (thing.kind !== 'unfinished_upload') continue
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: thing.key, UploadId: thing.uploadId }))
  }

  const versions = things.filter((thing) => thing.kind !== 'unfinished_upload')
  const atOnce = 1000 // the maximum of DeleteObjects
  for (let start = 0; start < versions.length; start += atOnce) {
    await removeVersions(client, bucket, versions.slice(start, start + atOnce))
  }
}

async function removeVersions(
  client: S3Client,
  bucket: string,
  versions: Exclude<StoredThing, { kind: 'unfinished_upload' }>[],
): Promise<void> {
  const objects = versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }))
  const answer = await client.send(
    new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects, Quiet: true } }),
  )
  const [refused] = answer.Errors ?? []
  if (refused) throw new Error(`${bucket}: ${refused.Key} was not removed: ${refused.Code} ${refused.Message}`)
}
