import type { S3Config } from '../../config/config.ts'
import { untilAborted } from '../streams/read-spooled-file.ts'
import { openS3Client, type S3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import {
  type ConnectionStep,
  type ConnectionTest,
  type Finding,
  redactFinding,
  checkClock,
  createSecretRedactor,
  type StepName,
  type StepResult,
  watchResponses,
} from '../s3/diagnosis/connection-step.ts'
import { explainS3Failure, isNotS3 } from '../s3/diagnosis/explain-s3-failure.ts'
import { findBucket, listBucket } from './find-bucket.ts'
import { abortMultipart, deleteObject, followLink, getObject, putObject } from './try-object.ts'
import { findCredentialsStep } from '../s3/diagnosis/find-credentials.ts'
import { checkCors, checkSafeguards } from './read-safeguards.ts'

/** Short, because a person waits. A second attempt, because one lost packet does not mean wrong settings. */
const testTimeouts: S3Timeouts = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

type Needs = {
  config: S3Config
  corsOrigins: string[]
  /** The source of the credentials in the settings, such as `.env`. */
  credentialsPlace: string
  signal: AbortSignal
}

/** Tests everything that the service does with its bucket. After an abort it only deletes its test object. */
export async function* testS3Connection(needs: Needs): AsyncGenerator<StepResult> {
  const { config, corsOrigins, credentialsPlace, signal } = needs
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: testTimeouts })
  const test = { config, corsOrigins, client, seen: watchResponses(client) }
  const steps = [
    findCredentialsStep(credentialsPlace),
    findBucket,
    checkClock,
    listBucket,
    ...onObjects,
    checkSafeguards,
    checkCors,
  ]
  const succeeded = new Set<StepName>()
  try {
    for (const step of steps) {
      if (signal.aborted && !mustStillRun(step, succeeded)) continue
      const finding = await tryStep(step, test, { succeeded, signal })
      if (finding === undefined) continue
      if (finding.outcome === 'ok' || finding.outcome === 'note') succeeded.add(step.step)
      const hide = succeeded.has('credentials') ? await createSecretRedactor(client) : unchanged
      yield { step: step.step, ...redactFinding(finding, hide) }
    }
  } finally {
    client.destroy()
  }
}

const onObjects = [putObject, getObject, followLink, deleteObject, abortMultipart]

/** Steps that change the bucket run to their end. */
const uninterruptible = new Set<StepName>(['put', 'delete', 'abort_multipart'])

function mustStillRun({ step }: ConnectionStep, succeeded: Set<StepName>): boolean {
  return step === 'delete' && succeeded.has('put')
}

type Trying = { succeeded: Set<StepName>; signal: AbortSignal }

/** Undefined after an abort. */
async function tryStep(
  step: ConnectionStep,
  test: ConnectionTest,
  { succeeded, signal }: Trying,
): Promise<Finding | undefined> {
  if (!step.after.every((each) => succeeded.has(each)))
    return { outcome: 'skipped', message: `${step.title}: not tested` }
  try {
    const finding = await untilAborted(step.run(test), uninterruptible.has(step.step) ? undefined : signal)
    return finding === 'ok' ? { outcome: 'ok', message: step.title } : finding
  } catch (error) {
    if (error === signal.reason) return undefined
    // The clock of another server is irrelevant.
    if (isNotS3(error)) test.seen.clockAheadMs = undefined
    return { outcome: 'failed', ...explainS3Failure(error, { ...test, right: step.right }) }
  }
}

function unchanged(text: string): string {
  return text
}
