import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'

import { testKey, testText } from '../connection-test/connection-step.ts'
import type { BucketReach } from './bucket-part.ts'
import { calling, NotProved } from './call-failed.ts'

/** Puts, gets and removes one object as the service does with papers. Throws a `NotProved` with what S3 said. */
export async function proveBucket(
  { client, config }: BucketReach,
  more: Partial<PutObjectCommandInput> = {},
): Promise<void> {
  const place = { Bucket: config.bucket, Key: testKey }
  await proving('s3:PutObject', () => client.send(new PutObjectCommand({ ...place, ...asPapersAre, ...more })))
  try {
    await proving('s3:GetObject', async () => {
      const { Body: body } = await client.send(new GetObjectCommand(place))
      if ((await body?.transformToString()) !== testText) throw new Error('what came back is not what was put')
    })
  } finally {
    await proving('s3:DeleteObject', () => client.send(new DeleteObjectCommand(place)))
  }
}

const asPapersAre = {
  Body: testText,
  ContentType: 'text/plain',
  CacheControl: 'private, no-store',
  StorageClass: 'STANDARD',
  Metadata: { 'original-filename': 'connection_test.txt' },
} as const

function proving(right: string, call: () => Promise<unknown>): Promise<unknown> {
  return calling(right, call, NotProved)
}
