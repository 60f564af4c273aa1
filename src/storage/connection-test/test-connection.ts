import type { S3Config } from '../../config/config.ts'
import { untilAborted } from '../streams/read-as-it-grows.ts'
import { makeS3Client, type S3Patience } from '../s3/requests/retrying-s3-client.ts'
import {
  type ConnectionStep,
  type ConnectionTest,
  type Finding,
  hidingIn,
  readClock,
  secretHider,
  type StepName,
  type StepResult,
  watchAnswers,
} from '../s3/diagnosis/connection-step.ts'
import { explainS3Failure, isOfAnotherServer } from '../s3/diagnosis/explain-s3-failure.ts'
import { findBucket, listBucket } from './find-bucket.ts'
import { abortMultipart, deleteObject, followLink, getObject, putObject } from './try-object.ts'
import { lookForCredentials } from '../s3/diagnosis/find-credentials.ts'
import { readCors, readSafeguards } from './read-safeguards.ts'

/** Someone waits for the answer; a second attempt, since one lost packet says nothing of the settings. */
const testPatience: S3Patience = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

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
  const client = makeS3Client({ config, log: { warn: () => undefined }, patience: testPatience })
  const test = { config, corsOrigins, client, seen: watchAnswers(client) }
  const steps = [
    lookForCredentials(credentialsPlace),
    findBucket,
    readClock,
    listBucket,
    ...onObjects,
    readSafeguards,
    readCors,
  ]
  const went = new Set<StepName>()
  try {
    for (const step of steps) {
      if (signal.aborted && !isToBeDone(step, went)) continue
      const finding = await tryStep(step, test, { went, signal })
      if (finding === undefined) continue
      if (finding.outcome === 'ok' || finding.outcome === 'note') went.add(step.step)
      const hide = went.has('credentials') ? await secretHider(client) : asItIs
      yield { step: step.step, ...hidingIn(finding, hide) }
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
  if (!step.after.every((each) => went.has(each))) return { outcome: 'skipped', says: `${step.title}: not tried` }
  try {
    const finding = await untilAborted(step.run(test), waitedFor.has(step.step) ? undefined : signal)
    return finding === 'ok' ? { outcome: 'ok', says: step.title } : finding
  } catch (error) {
    if (error === signal.reason) return undefined
    // Whose clock that is nobody knows.
    if (isOfAnotherServer(error)) test.seen.clockAheadMs = undefined
    return { outcome: 'failed', ...explainS3Failure(error, { ...test, right: step.right }) }
  }
}

function asItIs(text: string): string {
  return text
}
