import { PutObjectCommand, type S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3'

import type { S3Config } from '../config.ts'
import { type Explanation, explainS3Failure } from '../storage/connection-test/explain-s3-failure.ts'
import { watchAnswers } from '../storage/connection-test/connection-step.ts'
import { s3FailureOf } from '../storage/s3-errors.ts'

import type { Heads } from './check-chain.ts'
import type { HeadKeeper } from './head-keeper.ts'
import { HeadsUnreadable } from './heads-unreadable.ts'

type Place = { bucket: string; prefix: string }

/**
 * Heads as objects, each written once, that say all in their names: one list reads them all. Where the bucket has Object
 * Lock with a default retention nobody can take them back.
 */
export function keepHeadsInBucket(client: S3Client, s3: S3Config, { bucket, prefix }: Place): HeadKeeper {
  const seen = watchAnswers(client)
  return {
    shown: `s3://${bucket}/${prefix}`,
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
      try {
        return await readAll(client, { bucket, prefix })
      } catch (error) {
        const about = { config: { ...s3, bucket }, seen, right: 's3:ListBucket' }
        throw new HeadsUnreadable(adviseOn(error, explainS3Failure(error, about)), error)
      }
    },
  }
}

async function readAll(client: S3Client, { bucket, prefix }: Place): Promise<Heads> {
  const heads = new Map<number, string>()
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key: key = '' } of page.Contents ?? []) {
      const [, number, hash] = /^(\d{12})-([0-9a-f]{64})\.json$/.exec(key.slice(prefix.length)) ?? []
      if (number !== undefined && hash !== undefined) heads.set(Number(number), hash)
    }
  }
  return heads
}

/** Another setting names this bucket. */
function adviseOn(error: unknown, { says, advice }: Explanation): Explanation {
  const isNowhere = s3FailureOf(error, { hasBody: true }).s3Code === 'NoSuchBucket'
  return { says, advice: isNowhere ? 'Make it, or set AUDIT_HEADS to one that exists.' : advice }
}
