import type { S3Config } from '../../config.ts'
import { makeS3Client, type S3Patience } from '../s3-client.ts'
import type { ConnectionStep, ConnectionTest, Finding, StepName, StepResult } from './connection-step.ts'
import { explainS3Failure } from './explain-s3-failure.ts'
import { findBucket, listBucket } from './find-bucket.ts'
import { followLink } from './follow-link.ts'
import { hidingIn, secretHider } from './hide-secrets.ts'
import { lookForCredentials } from './look-for-credentials.ts'
import { readClock } from './read-clock.ts'
import { readCors } from './read-cors.ts'
import { readSafeguards } from './read-safeguards.ts'
import { abortMultipart, deleteObject, getObject, putObject } from './try-object.ts'
import { watchAnswers } from './watch-answers.ts'

/** Someone waits for the answer; a second attempt, since one lost packet says nothing of the settings. */
const testPatience: S3Patience = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

type Needs = {
  config: S3Config
  corsOrigins: string[]
  /** Where the settings' own credentials stand, such as `.env`. */
  credentialsPlace: string
}

/** Tries, one after the other, all that the service does with its bucket. It leaves nothing behind but the bucket. */
export async function* testS3Connection({ config, corsOrigins, credentialsPlace }: Needs): AsyncGenerator<StepResult> {
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
      const finding = await tryStep(step, test, went)
      if (finding.outcome === 'ok' || finding.outcome === 'note') went.add(step.step)
      const hide = went.has('credentials') ? await secretHider(client) : asItIs
      yield { step: step.step, ...hidingIn(finding, hide) }
    }
  } finally {
    client.destroy()
  }
}

const onObjects = [putObject, getObject, followLink, deleteObject, abortMultipart]

async function tryStep(step: ConnectionStep, test: ConnectionTest, went: Set<StepName>): Promise<Finding> {
  if (!step.after.every((each) => went.has(each))) return { outcome: 'skipped', says: `${step.title}: not tried` }
  try {
    const finding = await step.run(test)
    return finding === 'ok' ? { outcome: 'ok', says: step.title } : finding
  } catch (error) {
    return { outcome: 'failed', ...explainS3Failure(error, { ...test, right: step.right }) }
  }
}

function asItIs(text: string): string {
  return text
}
