import type { Logger } from 'pino'

import type { ReadinessShape, SinceChecks } from '../contract/operations.ts'
import { type Db, pingDatabase } from '../database/connection/client.ts'
import { chooseTarget, type UploadTarget } from '../documents/stores/fallback.ts'
import type { Stores } from '../documents/stores/reachable-stores.ts'
import { readWorkStates, type PlannedWork, type WorkState } from './judge-work.ts'
import { s3TroubleText } from './describe-error.ts'
import type { Scanner } from '../scanner/scanner.ts'
import { untilAborted } from '../storage/streams/read-spooled-file.ts'
import { probeKey } from '../storage/s3/s3-store.ts'

type ReadinessNeeds = {
  db: Db
  stores: Stores
  scanner: Scanner | undefined
  log: Logger
  plan: readonly PlannedWork[]
  /** Aborts when the service begins to stop. */
  ending: AbortSignal
}

/** `/readyz` leaves out since when each state lasts. */
export type Readiness = ReadinessShape & { checks: SinceChecks }

/** Returns a function that checks every dependency of the service, each at most every two seconds. */
export function createReadinessCheck(needs: ReadinessNeeds): () => Promise<Readiness> {
  const check = checkDependencies(needs)
  const dateStates = createStateDates(needs.stores)
  return async () => dateStates(await check())
}

/** Remembers when each state was first seen. */
function createStateDates({ s3 }: Stores): (readiness: ReadinessShape) => Readiness {
  const seen = new Map<string, { state: string; at: string }>()
  const date = (name: keyof Checks, check: Checks['s3']) => {
    const before = seen.get(name)
    const now = before?.state === check.state ? before : { state: check.state, at: new Date().toISOString() }
    seen.set(name, now)
    const outage = name === 's3' && check.state === 'failed' ? s3?.outage()?.since : undefined
    return { ...check, since: outage?.toISOString() ?? now.at }
  }
  return ({ checks, ...readiness }) => ({
    ...readiness,
    checks: {
      database: date('database', checks.database),
      s3: date('s3', checks.s3),
      local: date('local', checks.local),
      scanner: date('scanner', checks.scanner),
      jobs: date('jobs', checks.jobs),
    },
  })
}

function checkDependencies(needs: ReadinessNeeds): () => Promise<ReadinessShape> {
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
    return judgeReadiness(stores, { database, s3: s3 && isAcceptingFiles(stores), local, scanner, work })
  }
}

function createProbes({ db, stores, scanner, log, plan }: ReadinessNeeds) {
  const logFailure = (check: keyof ReadinessShape['checks']) => (error: unknown) =>
    log.warn({ event: 'readiness_check_failed', check, err: error }, 'readiness check failed')
  const { s3, local } = stores
  let work: WorkState[] = []
  const readWork = createProbe(async () => {
    work = await readWorkStates(db, plan)
  }, logFailure('jobs'))
  return {
    database: createProbe(() => pingDatabase(db), logFailure('database')),
    s3: s3 && createProbe(() => s3.stat(probeKey), logFailure('s3')),
    local: createProbe(() => local.stat(probeKey), logFailure('local')),
    scanner: scanner && createProbe(() => requireAnswer(scanner), logFailure('scanner')),
    work: async () => ((await readWork()) ? work : undefined),
  }
}

async function requireAnswer(scanner: Scanner): Promise<void> {
  if ((await scanner.identify()) === undefined) throw new Error('the virus scanner did not identify itself')
}

// The probe only reads, and its answer may be two seconds old: the breaker knows whether S3 accepts files.
function isAcceptingFiles({ s3 }: Stores): boolean {
  return s3?.outage() === undefined
}

const notChecked = { state: 'not_used', message: 'The service is stopping.' } as const
const stopping: ReadinessShape = {
  status: 'stopping',
  checks: { database: notChecked, s3: notChecked, local: notChecked, scanner: notChecked, jobs: notChecked },
  jobs: [],
}

/**
 * `s3`: whether it serves and accepts files. `s3` and `scanner` are undefined if they are not configured, `work` if the
 * database does not answer.
 */
type Answering = {
  database: boolean
  s3: boolean | undefined
  local: boolean
  scanner: boolean | undefined
  work: WorkState[] | undefined
}
type Checks = ReadinessShape['checks']

/** Anybody may read the messages without a token: they name no host, path or bucket. */
function judgeReadiness(stores: Stores, answering: Answering): ReadinessShape {
  const { database, s3, local, work } = answering
  const target = chooseTarget(stores)
  const hasFallback = stores.fallback === 'local' && local
  const acceptsFiles = { s3: s3 === true || hasFallback, local, fallback: hasFallback, none: false }[target]
  const checks = {
    database: database
      ? ok('The database answers.')
      : failed('The database does not answer. No request works until it does.'),
    s3: judgeS3(stores, answering),
    local: judgeLocal(target, local),
    scanner: judgeScanner(answering.scanner),
    jobs: judgeJobs(work),
  }
  const isHealthy = target !== 'fallback' && Object.values(checks).every(({ state }) => state !== 'failed')
  const status = !database || !acceptsFiles ? 'unavailable' : isHealthy ? 'ready' : 'degraded'
  return { status, checks, jobs: listJobs(work ?? []) }
}

const ok = (message: string) => ({ state: 'ok' as const, message })
const failed = (message: string) => ({ state: 'failed' as const, message })
const notUsed = (message: string) => ({ state: 'not_used' as const, message })

function judgeS3(stores: Stores, { s3: isAnswering, local }: Answering): Checks['s3'] {
  if (isAnswering === undefined || stores.s3 === undefined)
    return notUsed('S3 is not configured; files are stored locally.')
  if (isAnswering) return ok(`S3 answers; new files are stored ${stores.preferred === 's3' ? 'there' : 'locally'}.`)
  return failed(`${s3TroubleText[stores.s3.outage()?.trouble ?? 'no_answer']}: ${describeConsequence(stores, local)}`)
}

function describeConsequence({ preferred, fallback }: Stores, isLocalAnswering: boolean): string {
  if (preferred === 'local') return 'files in S3 cannot be downloaded.'
  if (fallback === 'off' || !isLocalAnswering) return 'files cannot be uploaded, and files in S3 cannot be downloaded.'
  return 'new files are stored locally and move to S3 later; files in S3 cannot be downloaded.'
}

function judgeLocal(target: UploadTarget, isAnswering: boolean): Checks['local'] {
  const isTarget = target === 'local' || target === 'fallback'
  if (isAnswering) return ok(`The local store answers${isTarget ? '; new files are stored there' : ''}.`)
  const consequence = isTarget ? 'files cannot be uploaded, and local files' : 'local files'
  return failed(`The local store does not answer: ${consequence} cannot be downloaded.`)
}

function judgeScanner(isAnswering: boolean | undefined): Checks['scanner'] {
  if (isAnswering === undefined) return notUsed('No virus scanner is configured; files are not scanned.')
  if (isAnswering) return ok('The virus scanner answers.')
  return failed('The virus scanner does not answer. New files are stored and not served until it does.')
}

function judgeJobs(work: WorkState[] | undefined): Checks['jobs'] {
  if (work === undefined) return failed('The state of the jobs is unknown: the database does not answer.')
  const late = listJobs(work).filter((job) => job.is_overdue)
  if (late.length === 0) return ok('No job is overdue.')
  return failed(`Overdue: ${late.map(({ name }) => name).join(', ')}.`)
}

/** One entry for each job; of a job that runs for several disks, the worst state. */
function listJobs(work: WorkState[]): ReadinessShape['jobs'] {
  const active = work.filter(({ isGone }) => !isGone)
  return [...Map.groupBy(active, ({ name }) => name).values()].flatMap((states) => {
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

type Probe = () => Promise<boolean>

const probeTimeoutMs = 2000
const probeCacheMs = 2000

/**
 * Resolves to whether `ask` succeeds within two seconds. It runs once at a time, and its result is reused for two
 * seconds.
 */
export function createProbe(ask: () => Promise<unknown>, onFailure: (error: unknown) => void): Probe {
  let asked: { at: number; isAnswering: Promise<boolean> } | undefined
  let isRunning = false

  async function probe(): Promise<boolean> {
    isRunning = true
    const answer = ask().finally(() => (isRunning = false))
    try {
      await untilAborted(answer, AbortSignal.timeout(probeTimeoutMs))
      return true
    } catch (error) {
      onFailure(error)
      return false
    }
  }

  return async () => {
    const isFresh = asked !== undefined && performance.now() - asked.at < probeCacheMs
    // A call that hangs is not repeated before it ends.
    if (asked === undefined || (!isFresh && !isRunning)) asked = { at: performance.now(), isAnswering: probe() }
    return asked.isAnswering
  }
}
