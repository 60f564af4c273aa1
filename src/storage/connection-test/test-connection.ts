import type { S3Config } from '../../config/load-config.ts'
import { diagnoseS3, redactFacts, watchResponses } from '../s3/diagnosis/diagnose-s3.ts'
import { openS3Client, type S3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import { untilAborted } from '../streams/read-spooled-file.ts'
import type { ConnectionStep, ConnectionTest, Finding, StepName, StepResult } from './connection-step.ts'
import { checkCors, checkSafeguards } from './read-safeguards.ts'
import { checkClock, checkCredentials, findBucket, listBucket } from './find-bucket.ts'
import { objectSteps } from './try-object.ts'

/** Short, because a person waits. A second attempt, because one lost packet does not mean wrong settings. */
const testTimeouts: S3Timeouts = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000, attempts: 2 }

const steps = [checkCredentials, findBucket, checkClock, listBucket, ...objectSteps, checkSafeguards, checkCors]

type Needs = { config: S3Config; corsOrigins: string[]; signal: AbortSignal }

/** Tests everything that the service does with its bucket. After an abort it only deletes its test object. */
export async function* testS3Connection({ config, corsOrigins, signal }: Needs): AsyncGenerator<StepResult> {
  const client = openS3Client({ config, log: { warn: () => undefined }, timeouts: testTimeouts })
  const test = { config, corsOrigins, client, seen: watchResponses(client) }
  const succeeded = new Set<StepName>()
  try {
    for (const step of steps) {
      const mustRun = step.step === 'delete' && succeeded.has('put')
      if (signal.aborted && !mustRun) continue
      const isReady = step.after.every((each) => succeeded.has(each))
      const finding: Finding | undefined = isReady
        ? await runStep(step, test, signal)
        : { outcome: 'skipped', kind: 'not_tested' }
      if (finding === undefined) continue
      if (finding.outcome === 'ok' || finding.outcome === 'note') succeeded.add(step.step)
      yield { step: step.step, ...(succeeded.has('credentials') ? await redactFacts(client, finding) : finding) }
    }
  } finally {
    client.destroy()
  }
}

/** Undefined after an abort. */
async function runStep(step: ConnectionStep, test: ConnectionTest, signal: AbortSignal): Promise<Finding | undefined> {
  try {
    const finding = await untilAborted(step.run(test), step.changes ? undefined : signal)
    return finding ?? { outcome: 'ok', kind: 'as_expected' }
  } catch (error) {
    if (error === signal.reason) return undefined
    const failure = diagnoseS3(error, { ...test, right: step.right })
    // The clock of another server is irrelevant.
    if (failure.isNotS3) test.seen.clockAheadMs = undefined
    return { outcome: 'failed', kind: 'failure', failure }
  }
}
