import type { S3Config } from '../../config/config.ts'
import { AppError } from '../../errors/app-error.ts'
import { redactFinding, createSecretRedactor, watchResponses } from '../s3/diagnosis/connection-step.ts'
import { openS3Client, type S3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import type { BucketChoices } from './bucket-rules.ts'
import { type BucketContext, ProbeFailed, type PartDefinition, probeBucket } from './bucket-part.ts'
import { corsPart, encryptionPart, publicAccessPart, versioningPart } from './versioning-access-encryption-cors.ts'
import { toProbeError, type PartResult, type ApplyNeeds, applyPart } from './apply-part.ts'
import { lifecyclePart } from './lifecycle-part.ts'
import { policyPart } from './policy-part.ts'
import { replicationPart } from './replication-part.ts'

type Needs = {
  config: S3Config
  choices: BucketChoices
  isDryRun: boolean
  /** After an abort it stops before the next part. */
  signal: AbortSignal
  /** The pause before a setting is read again. */
  pauseMs?: number
}

const setupTimeouts: S3Timeouts = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

/** Sets up a bucket part by part. It may be interrupted and repeated. Throws a failure that concerns all parts. */
export async function* setUpBucket(needs: Needs): AsyncGenerator<PartResult> {
  const { config, choices, isDryRun, signal, pauseMs = 1000 } = needs
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: setupTimeouts })
  const context = { client, config, seen: watchResponses(client), signal }
  const probeBefore = once(() => requireWorkingBucket(context))
  const hide = await createSecretRedactor(client)
  try {
    for (const applyOne of parts) {
      if (signal.aborted) return
      yield redactFinding(await applyOne({ context, choices, isDryRun, pauseMs, probeBefore }), hide)
    }
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, hide(error.message), { cause: error }) : error
  } finally {
    client.destroy()
  }
}

/** The order matters: after public access is blocked, a store may treat any policy that allows access as public. Replication needs versioning. */
const parts = [
  applying(versioningPart),
  applying(policyPart),
  applying(publicAccessPart),
  applying(encryptionPart),
  applying(lifecyclePart),
  applying(corsPart),
  applying(replicationPart),
]

function applying<Held>(definition: PartDefinition<Held>): (needs: ApplyNeeds) => Promise<PartResult> {
  return (needs) => applyPart(definition, needs)
}

async function requireWorkingBucket(context: BucketContext): Promise<void> {
  try {
    await probeBucket(context)
  } catch (error) {
    throw error instanceof ProbeFailed ? toProbeError(context, error) : error
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
