import type { S3Config } from '../../config.ts'
import { makeS3Client, type S3Patience } from '../s3-client.ts'
import { type S3Failure, s3FailureOf } from '../s3-errors.ts'
import { type Explanation, explainS3Failure } from './explain-s3-failure.ts'
import { listOne } from './find-bucket.ts'
import { watchAnswers } from './watch-answers.ts'

/** A start waits for it. */
const startPatience: S3Patience = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

/** In words, and as the breaker knows it. */
export type S3TroubleFound = Explanation & Pick<S3Failure, 'trouble' | 's3Code'>

/** Looks into the bucket once, and changes nothing. Undefined when that went well; else what is wrong and what to do. */
export async function findS3Trouble(config: S3Config): Promise<S3TroubleFound | undefined> {
  const client = makeS3Client({ config, log: { warn: () => undefined }, patience: startPatience })
  const seen = watchAnswers(client)
  try {
    await listOne({ client, config })
    return undefined
  } catch (error) {
    const { trouble, s3Code } = s3FailureOf(error, { hasBody: true })
    return { ...explainS3Failure(error, { config, seen, right: 's3:ListBucket' }), trouble, s3Code }
  } finally {
    client.destroy()
  }
}
