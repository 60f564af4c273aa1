import { PutObjectCommand, type S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3'

import type { HeadKeeper } from './head-keeper.ts'

type Place = { bucket: string; prefix: string }

/**
 * Heads as objects, each written once, that say all in their names: one list reads them all. Where the bucket has Object
 * Lock with a default retention nobody can take them back.
 */
export function keepHeadsInBucket(client: S3Client, { bucket, prefix }: Place): HeadKeeper {
  return {
    async keep(head) {
      const key = `${prefix}${String(head.number).padStart(12, '0')}-${head.hash}.json`
      const body = JSON.stringify({ number: head.number, hash: head.hash, sealed_at: head.sealedAt })
      try {
        await client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentType: 'application/json',
            // Object Lock asks for a hash of what it keeps.
            ChecksumAlgorithm: 'SHA256',
            IfNoneMatch: '*',
          }),
        )
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'PreconditionFailed') throw error
      }
    },
    async read() {
      const heads = new Map<number, string>()
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
        for (const { Key: key = '' } of page.Contents ?? []) {
          const [, number, hash] = /^(\d{12})-([0-9a-f]{64})\.json$/.exec(key.slice(prefix.length)) ?? []
          if (number !== undefined && hash !== undefined) heads.set(Number(number), hash)
        }
      }
      return heads
    },
  }
}
