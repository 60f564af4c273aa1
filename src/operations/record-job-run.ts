import type { Logger } from 'pino'

import type { Db } from '../database/connection/client.ts'
import { startRun, endRun, type RunOf } from '../database/work/job-runs.ts'
import { describeError } from './describe-error.ts'

/** The work was stopped before its end. Its run stays recorded as started, like that of a killed process. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export type RecordNeeds = { db: Db; log: Logger; instance: string }

/** Runs the work and records its start and its end. A record that cannot be written does not stop the work. */
export async function recordRun<Did extends Record<string, unknown>>(
  needs: RecordNeeds,
  run: RunOf,
  work: () => Promise<Did>,
): Promise<Did> {
  const { db, instance } = needs
  const startedAt = await tryToWrite(needs, run, () => startRun(db, run, instance))
  const end = (how: { outcome: 'ok' | 'failed'; error: string | undefined; did: Did | undefined }) =>
    tryToWrite(needs, run, () => endRun(db, { ...run, instance, startedAt, ...how }))
  try {
    const did = await work()
    await end({ outcome: 'ok', error: undefined, did })
    return did
  } catch (error) {
    if (error instanceof Interrupted) throw error
    await end({ outcome: 'failed', error: describeError(error, new Date()), did: undefined })
    throw error
  }
}

async function tryToWrite<Value>(
  { log }: RecordNeeds,
  { task }: RunOf,
  write: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await write()
  } catch (error) {
    log.warn({ event: 'run_not_recorded', task, err: error }, 'run could not be recorded')
    return undefined
  }
}
