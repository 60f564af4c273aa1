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

/** Someone waits for the answer; a second attempt, since one lost packet says nothing of the settings. */
const testPatience: S3Timeouts = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

type Needs = {
  config: S3Config
  corsOrigins: string[]
  /** Where the settings' own credentials stand, such as `.env`. */
  credentialsPlace: string
  signal: AbortSignal
}

/** Tries all that the service does with its bucket. When ended, it begins no step but the removal of its test object. */
export async function* testS3Connection(needs: Needs): AsyncGenerator<StepResult> {
  const { config, corsOrigins, credentialsPlace, signal } = needs
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: testPatience })
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
  const went = new Set<StepName>()
  try {
    for (const step of steps) {
      if (signal.aborted && !isToBeDone(step, went)) continue
      const finding = await tryStep(step, test, { went, signal })
      if (finding === undefined) continue
      if (finding.outcome === 'ok' || finding.outcome === 'note') went.add(step.step)
      const hide = went.has('credentials') ? await createSecretRedactor(client) : asItIs
      yield { step: step.step, ...redactFinding(finding, hide) }
    }
  } finally {
    client.destroy()
  }
}

const onObjects = [putObject, getObject, followLink, deleteObject, abortMultipart]

/** What has begun to change the bucket is waited for. */
const waitedFor = new Set<StepName>(['put', 'delete', 'abort_multipart'])

function isToBeDone({ step }: ConnectionStep, went: Set<StepName>): boolean {
  return step === 'delete' && went.has('put')
}

type Trying = { went: Set<StepName>; signal: AbortSignal }

/** Undefined when it was told to end meanwhile. */
async function tryStep(
  step: ConnectionStep,
  test: ConnectionTest,
  { went, signal }: Trying,
): Promise<Finding | undefined> {
  if (!step.after.every((each) => went.has(each))) return { outcome: 'skipped', message: `${step.title}: not tried` }
  try {
    const finding = await untilAborted(step.run(test), waitedFor.has(step.step) ? undefined : signal)
    return finding === 'ok' ? { outcome: 'ok', message: step.title } : finding
  } catch (error) {
    if (error === signal.reason) return undefined
    // Whose clock that is nobody knows.
    if (isNotS3(error)) test.seen.clockAheadMs = undefined
    return { outcome: 'failed', ...explainS3Failure(error, { ...test, right: step.right }) }
  }
}

function asItIs(text: string): string {
  return text
}
