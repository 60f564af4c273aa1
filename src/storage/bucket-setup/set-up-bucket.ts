import type { S3Config } from '../../config/config.ts'
import { AppError } from '../../errors/app-error.ts'
import { hidingIn, secretHider, watchAnswers } from '../s3/diagnosis/connection-step.ts'
import { makeS3Client, type S3Patience } from '../s3/requests/retrying-s3-client.ts'
import type { BucketChoices } from './bucket-rules.ts'
import { type BucketReach, NotProved, type PartDefinition, proveBucket } from './bucket-part.ts'
import { corsPart, encryptionPart, publicAccessPart, versioningPart } from './plain-parts.ts'
import { notProvedBefore, type PartResult, type SettleNeeds, settlePart } from './apply-part.ts'
import { lifecyclePart } from './lifecycle-part.ts'
import { policyPart } from './policy-part.ts'
import { replicationPart } from './replication-part.ts'

type Needs = {
  config: S3Config
  choices: BucketChoices
  isDryRun: boolean
  /** Aborted: it ends before the next part. */
  signal: AbortSignal
  /** Before something that was just set is read once more. */
  pauseMs?: number
}

const setupPatience: S3Patience = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

/** Sets a bucket up, part by part. It may be ended at any moment and run again. Throws what prevents all parts. */
export async function* setUpBucket(needs: Needs): AsyncGenerator<PartResult> {
  const { config, choices, isDryRun, signal, pauseMs = 1000 } = needs
  const client = makeS3Client({ config, log: { warn: () => undefined }, patience: setupPatience })
  const reach = { client, config, seen: watchAnswers(client), signal }
  const proveBefore = once(() => proveAtAll(reach))
  const hide = await secretHider(client)
  try {
    for (const settleOne of parts) {
      if (signal.aborted) return
      yield hidingIn(await settleOne({ reach, choices, isDryRun, pauseMs, proveBefore }), hide)
    }
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, hide(error.message), { cause: error }) : error
  } finally {
    client.destroy()
  }
}

/** In this order: once closed to the public, a store may take any policy that allows somebody something for a public one; replication takes versioning. */
const parts = [
  settling(versioningPart),
  settling(policyPart),
  settling(publicAccessPart),
  settling(encryptionPart),
  settling(lifecyclePart),
  settling(corsPart),
  settling(replicationPart),
]

function settling<Held>(definition: PartDefinition<Held>): (needs: SettleNeeds) => Promise<PartResult> {
  return (needs) => settlePart(definition, needs)
}

async function proveAtAll(reach: BucketReach): Promise<void> {
  try {
    await proveBucket(reach)
  } catch (error) {
    throw error instanceof NotProved ? notProvedBefore(reach, error) : error
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
