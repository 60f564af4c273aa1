import type { Logger } from 'pino'

import type { ReadinessShape } from '../../contract/operations.ts'
import { type Db, pingDatabase } from '../../database/connection/client.ts'
import { type Stores, type UploadTarget, chooseTarget } from '../../documents/stores/stores.ts'
import { readWorkStates, type PlannedWork, type WorkState } from '../../operations/judge-work.ts'
import { s3TroubleText } from '../../operations/describe-error.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { untilAborted } from '../../storage/streams/read-as-it-grows.ts'
import { keyOfNothing } from '../../storage/s3/s3-store.ts'

type ReadinessNeeds = {
  db: Db
  stores: Stores
  scanner: Scanner | undefined
  log: Logger
  plan: readonly PlannedWork[]
  /** Aborted: the service was told to end. */
  ending: AbortSignal
}

/** A look at all that the service stands on, however often somebody asks: each is asked at most every two seconds. */
export function checkReadiness(needs: ReadinessNeeds): () => Promise<ReadinessShape> {
  const { stores } = needs
  const probes = createProbes(needs)
  return async () => {
    if (needs.ending.aborted) return stopping
    const [database, s3, local, scanner, work] = await Promise.all([
      probes.database(),
      probes.s3?.(),
      probes.local(),
      probes.scanner?.(),
      probes.work(),
    ])
    return judgeReadiness(stores, { database, s3: s3 && isTakingFiles(stores), local, scanner, work })
  }
}

function createProbes({ db, stores, scanner, log, plan }: ReadinessNeeds) {
  const told = (check: keyof ReadinessShape['checks']) => (error: unknown) =>
    log.warn({ event: 'readiness_check_failed', check, err: error }, `${check} does not answer`)
  const { s3, local } = stores
  let work: WorkState[] = []
  const lookAtWork = createProbe(async () => {
    work = await readWorkStates(db, plan)
  }, told('jobs'))
  return {
    database: createProbe(() => pingDatabase(db), told('database')),
    s3: s3 && createProbe(() => s3.stat(keyOfNothing), told('s3')),
    local: createProbe(() => local.stat(keyOfNothing), told('local')),
    scanner: scanner && createProbe(() => requireAnswer(scanner), told('scanner')),
    work: async () => ((await lookAtWork()) ? work : undefined),
  }
}

async function requireAnswer(scanner: Scanner): Promise<void> {
  if ((await scanner.identify()) === undefined) throw new Error('the virus scanner could not be asked who it is')
}

// What the probe asks only reads: that S3 answers it is no sign that it takes files, and what it heard may be old.
function isTakingFiles({ s3 }: Stores): boolean {
  return s3?.outage() === undefined
}

const isEnding = { state: 'not_used', message: 'The service is ending.' } as const
const stopping: ReadinessShape = {
  status: 'stopping',
  checks: { database: isEnding, s3: isEnding, local: isEnding, scanner: isEnding, jobs: isEnding },
  jobs: [],
}

/**
 * `s3`: whether it gives and takes files; undefined where it is not set up, as `scanner` is. `work`: undefined where the
 * database did not tell of it.
 */
type Answering = {
  database: boolean
  s3: boolean | undefined
  local: boolean
  scanner: boolean | undefined
  work: WorkState[] | undefined
}
type Checks = ReadinessShape['checks']

/** Whether the service can do its work, in sentences for whoever may read them without a token. */
function judgeReadiness(stores: Stores, answering: Answering): ReadinessShape {
  const { database, s3, local, work } = answering
  const target = chooseTarget(stores)
  const hasFallback = stores.fallback === 'local' && local
  const takesFiles = { s3: s3 === true || hasFallback, local, fallback: hasFallback, none: false }[target]
  const checks = {
    database: database
      ? ok('The database answers.')
      : failed('The database does not answer: nothing works until it does.'),
    s3: judgeS3(stores, answering),
    local: judgeLocal(target, local),
    scanner: judgeScanner(answering.scanner),
    jobs: judgeJobs(work),
  }
  const isWhole = target !== 'fallback' && Object.values(checks).every(({ state }) => state !== 'failed')
  const status = !database || !takesFiles ? 'unavailable' : isWhole ? 'ready' : 'degraded'
  return { status, checks, jobs: listJobs(work ?? []) }
}

const ok = (message: string) => ({ state: 'ok' as const, message })
const failed = (message: string) => ({ state: 'failed' as const, message })
const notUsed = (message: string) => ({ state: 'not_used' as const, message })

function judgeS3(stores: Stores, { s3: isAnswering, local }: Answering): Checks['s3'] {
  if (isAnswering === undefined || stores.s3 === undefined)
    return notUsed('S3 is not set up; files are kept on local disk.')
  if (isAnswering) return ok(`S3 answers; new files ${stores.preferred === 's3' ? 'go there' : 'do not go there'}.`)
  return failed(`${s3TroubleText[stores.s3.outage()?.trouble ?? 'no_answer']}: ${describeConsequence(stores, local)}`)
}

function describeConsequence({ preferred, fallback }: Stores, isLocalAnswering: boolean): string {
  if (preferred === 'local') return 'files that lie there cannot be downloaded.'
  if (fallback === 'off' || !isLocalAnswering) return 'files cannot be uploaded, nor downloaded from there.'
  return 'new files wait on local disk and go there by themselves; those that lie there cannot be downloaded.'
}

function judgeLocal(target: UploadTarget, isAnswering: boolean): Checks['local'] {
  const isTarget = target === 'local' || target === 'fallback'
  if (isAnswering) return ok(`The local store answers${isTarget ? '; new files go there' : ''}.`)
  const what = isTarget
    ? 'files cannot be uploaded, nor downloaded from there'
    : 'files that lie there cannot be downloaded'
  return failed(`The local store cannot be used: ${what}.`)
}

function judgeScanner(isAnswering: boolean | undefined): Checks['scanner'] {
  if (isAnswering === undefined) return notUsed('No virus scanner is set; nothing is scanned.')
  if (isAnswering) return ok('The virus scanner answers.')
  return failed('The virus scanner does not answer: new files are kept, and nobody gets them until it does.')
}

function judgeJobs(work: WorkState[] | undefined): Checks['jobs'] {
  if (work === undefined) return failed('How the jobs went is not known: the database did not say.')
  const late = listJobs(work).filter((job) => job.is_overdue)
  if (late.length === 0) return ok('Nothing is late.')
  return failed(`Late: ${late.map(({ name }) => name).join(', ')}.`)
}

/** One line for each; of what is done on several disks, the one that is worst. */
function listJobs(work: WorkState[]): ReadinessShape['jobs'] {
  const here = work.filter(({ isGone }) => !isGone)
  return [...Map.groupBy(here, ({ name }) => name).values()].flatMap((states) => {
    const [worst] = states.toSorted(
      (one, other) => other.overdueSeconds - one.overdueSeconds || endOf(other) - endOf(one),
    )
    if (worst === undefined) return []
    return {
      name: worst.name,
      last_ended_at: worst.last?.endedAt?.toISOString() ?? null,
      last_outcome: worst.last?.outcome ?? null,
      next_run_at: worst.nextAt?.toISOString() ?? null,
      is_overdue: worst.overdueSeconds > 0,
    }
  })
}

function endOf({ last }: WorkState): number {
  return last?.endedAt?.getTime() ?? 0
}

export type Probe = () => Promise<boolean>

const mostMilliseconds = 2000
const keptMilliseconds = 2000

/** Asks something whether it answers, at most once at a time and every two seconds, however often somebody asks us. */
export function createProbe(ask: () => Promise<unknown>, onFailure: (error: unknown) => void): Probe {
  let asked: { at: number; isAnswering: Promise<boolean> } | undefined
  let isUnderWay = false

  async function look(): Promise<boolean> {
    isUnderWay = true
    const answer = ask().finally(() => (isUnderWay = false))
    try {
      await untilAborted(answer, AbortSignal.timeout(mostMilliseconds))
      return true
    } catch (error) {
      onFailure(error)
      return false
    }
  }

  return async () => {
    const isFresh = asked !== undefined && performance.now() - asked.at < keptMilliseconds
    // One that hangs is asked again only when it has let go of the last question.
    if (asked === undefined || (!isFresh && !isUnderWay)) asked = { at: performance.now(), isAnswering: look() }
    return asked.isAnswering
  }
}
