import type { S3Config } from '../../config/load-config.ts'
import { redactFacts, watchResponses } from '../s3/diagnosis/diagnose-s3.ts'
import { openS3Client, type S3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import { applyPart, type ApplyNeeds, BucketUnusable, type PartResult, requireWorkingBucket } from './apply-part.ts'
import { openContext, type PartDefinition } from './bucket-part.ts'
import type { BucketChoices } from './bucket-rules.ts'
import { lifecyclePart } from './lifecycle-part.ts'
import { policyPart } from './policy-part.ts'
import { replicationPart } from './replication-part.ts'
import { corsPart, encryptionPart, publicAccessPart, versioningPart } from './versioning-access-encryption-cors.ts'

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

/** Sets up a bucket part by part. It may be interrupted and repeated. Throws `BucketUnusable` for a failure that concerns all parts. */
export async function* setUpBucket(needs: Needs): AsyncGenerator<PartResult> {
  const { config, choices, isDryRun, signal, pauseMs = 1000 } = needs
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: setupTimeouts })
  const context = openContext({ client, config, seen: watchResponses(client), signal })
  let probed: Promise<void> | undefined
  const probeBefore = () => (probed ??= requireWorkingBucket(context))
  try {
    for (const applyOne of parts) {
      if (signal.aborted) return
      const result = await applyOne({ context, choices, isDryRun, pauseMs, probeBefore })
      yield { ...result, ...(result.problem && { problem: await redactFacts(client, result.problem) }) }
    }
  } catch (error) {
    if (!(error instanceof BucketUnusable)) throw error
    throw new BucketUnusable(await redactFacts(client, error.failure), error.isProbe, error.cause)
  } finally {
    client.destroy()
  }
}

/** The order matters: after public access is blocked, a store may treat any policy that allows access as public. Replication needs versioning. */
const parts = [
  partOf(versioningPart),
  partOf(policyPart),
  partOf(publicAccessPart),
  partOf(encryptionPart),
  partOf(lifecyclePart),
  partOf(corsPart),
  partOf(replicationPart),
]

function partOf<Setting>(definition: PartDefinition<Setting>): (needs: ApplyNeeds) => Promise<PartResult> {
  return (needs) => applyPart(definition, needs)
}
