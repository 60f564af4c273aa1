import type { S3Config } from '../../config/config.ts'
import { AppError } from '../../errors/app-error.ts'
import { redactFinding, createSecretRedactor, watchResponses } from '../s3/diagnosis/connection-step.ts'
import { openS3Client, type S3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import type { BucketChoices } from './bucket-rules.ts'
import { type BucketContext, ProbeFailed, type PartDefinition, probeBucket } from './bucket-part.ts'
import { corsPart, encryptionPart, publicAccessPart, versioningPart } from './versioning-access-encryption-cors.ts'
import { notProvedBefore, type PartResult, type ApplyNeeds, applyPart } from './apply-part.ts'
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

const setupPatience: S3Timeouts = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

/** Sets a bucket up, part by part. It may be ended at any moment and run again. Throws what prevents all parts. */
export async function* setUpBucket(needs: Needs): AsyncGenerator<PartResult> {
  const { config, choices, isDryRun, signal, pauseMs = 1000 } = needs
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: setupPatience })
  const context = { client, config, seen: watchResponses(client), signal }
  const proveBefore = once(() => proveAtAll(context))
  const hide = await createSecretRedactor(client)
  try {
    for (const settleOne of parts) {
      if (signal.aborted) return
      yield redactFinding(await settleOne({ context, choices, isDryRun, pauseMs, proveBefore }), hide)
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

function settling<Held>(definition: PartDefinition<Held>): (needs: ApplyNeeds) => Promise<PartResult> {
  return (needs) => applyPart(definition, needs)
}

async function proveAtAll(context: BucketContext): Promise<void> {
  try {
    await probeBucket(context)
  } catch (error) {
    throw error instanceof ProbeFailed ? notProvedBefore(context, error) : error
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
