import type { ReadinessShape } from '../../contract-operations.ts'
import { type Stores, type Target, targetOf } from '../../documents/stores.ts'
import type { WorkState } from '../../operations/judge-work.ts'
import { whyS3IsOut } from '../../operations/why-s3-is-out.ts'
import { judgeJobs, listJobs } from './judge-jobs.ts'

/**
 * `s3`: whether it gives and takes files; undefined where it is not set up, as `scanner` is. `work`: undefined where the
 * database did not tell of it.
 */
export type Answering = {
  database: boolean
  s3: boolean | undefined
  local: boolean
  scanner: boolean | undefined
  work: WorkState[] | undefined
}
type Checks = ReadinessShape['checks']

/** Whether the service can do its work, in sentences for whoever may read them without a token. */
export function judgeReadiness(stores: Stores, answering: Answering): ReadinessShape {
  const { database, s3, local, work } = answering
  const target = targetOf(stores)
  const hasFallback = stores.fallback === 'local' && local
  const takesFiles = { s3: s3 === true || hasFallback, local, fallback: hasFallback, none: false }[target]
  const checks = {
    database: judgeDatabase(database),
    s3: judgeS3(stores, answering),
    local: judgeLocal(target, local),
    scanner: judgeScanner(answering.scanner),
    jobs: judgeJobs(work),
  }
  const isWhole = target !== 'fallback' && Object.values(checks).every(({ state }) => state !== 'failed')
  const status = !database || !takesFiles ? 'unavailable' : isWhole ? 'ready' : 'degraded'
  return { status, checks, jobs: listJobs(work ?? []) }
}

function judgeDatabase(isAnswering: boolean): Checks['database'] {
  return isAnswering
    ? { state: 'ok', message: 'The database answers.' }
    : { state: 'failed', message: 'The database does not answer: nothing works until it does.' }
}

function judgeS3(stores: Stores, { s3: isAnswering, local }: Answering): Checks['s3'] {
  if (isAnswering === undefined || stores.s3 === undefined)
    return { state: 'not_used', message: 'S3 is not set up; files are kept on local disk.' }
  const isWanted = stores.wanted === 's3'
  if (isAnswering)
    return {
      state: 'ok',
      message: isWanted ? 'S3 answers; new files go there.' : 'S3 answers; new files do not go there.',
    }
  const why = whyS3IsOut[stores.s3.outage()?.trouble ?? 'no_answer']
  return { state: 'failed', message: `${why}: ${whatThen(stores, local)}` }
}

function whatThen({ wanted, fallback }: Stores, isLocalAnswering: boolean): string {
  if (wanted === 'local') return 'files that lie there cannot be downloaded.'
  if (fallback === 'off' || !isLocalAnswering) return 'files cannot be uploaded, nor downloaded from there.'
  return 'new files wait on local disk and go there by themselves; those that lie there cannot be downloaded.'
}

function judgeLocal(target: Target, isAnswering: boolean): Checks['local'] {
  const isTarget = target === 'local' || target === 'fallback'
  if (isAnswering) return { state: 'ok', message: `The local store answers${isTarget ? '; new files go there' : ''}.` }
  return {
    state: 'failed',
    message: isTarget
      ? 'The local store cannot be used: files cannot be uploaded, nor downloaded from there.'
      : 'The local store cannot be used: files that lie there cannot be downloaded.',
  }
}

function judgeScanner(isAnswering: boolean | undefined): Checks['scanner'] {
  if (isAnswering === undefined) return { state: 'not_used', message: 'No virus scanner is set; nothing is scanned.' }
  if (isAnswering) return { state: 'ok', message: 'The virus scanner answers.' }
  return {
    state: 'failed',
    message: 'The virus scanner does not answer: new files are kept, and nobody gets them until it does.',
  }
}
