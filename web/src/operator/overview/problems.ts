import type { Schemas } from '../../api/openapi.d.ts'
import type { Texts } from '../../texts/en.ts'

export type Status = Schemas['Status']
export type JobState = Status['jobs'][number]
export type ProblemKind = keyof Texts['operator']['problems']

/** The parts of the service that have a card. */
export const partNames = ['database', 's3', 'local', 'scanner', 'jobs', 'mail', 'webhooks', 'backup'] as const
export type PartName = (typeof partNames)[number]

/** Something that an operator should do something about. */
export type OperatorProblem = {
  kind: ProblemKind
  /** The card that shows it too. */
  part?: PartName
  /** Users notice it: the runbook wakes somebody. */
  isUrgent?: boolean
  /** Nothing failed: somebody has to set it up. */
  isSetUp?: boolean
  /** The name of the job that it is about. */
  subject?: string
  count?: number
  /** The reason, as a sentence of the service. */
  reason?: string
  /** An RFC 3339 time. */
  since?: string | null
  sinceSeconds?: number
}

const hour = 3600
const day = 24 * hour

/** Everything that needs an operator, urgent things first. The limits are those of the alerts in `deploy/observability`. */
export function findProblems(status: Status): OperatorProblem[] {
  const all = [
    ...problemsOfStores(status),
    ...problemsOfScans(status),
    ...status.jobs.filter((job) => !job.is_gone && job.name !== 'backup').flatMap(problemsOfJob),
    ...problemsOfBackup(status),
    ...problemsOfVerification(status),
    ...problemsOfMail(status),
    ...problemsOfQueues(status),
  ]
  return all.toSorted((one, other) => rankOf(one) - rankOf(other))
}

function rankOf({ isUrgent = false, isSetUp = false }: OperatorProblem): number {
  return isUrgent ? 0 : isSetUp ? 2 : 1
}

function problemsOfStores({ checks, stores }: Status): OperatorProblem[] {
  const { s3, new_files_go_to: target, waiting_for_s3: backlog } = stores
  const found: OperatorProblem[] = []
  if (checks.s3.state === 'failed')
    found.push({
      kind: target === 'none' ? 'uploadsRejected' : 's3Down',
      part: 's3',
      isUrgent: true,
      reason: checks.s3.message,
      since: checks.s3.since,
    })
  if (checks.local.state === 'failed')
    found.push({
      kind: 'diskDown',
      part: 'local',
      isUrgent: true,
      reason: checks.local.message,
      since: checks.local.since,
    })
  if (s3?.is_used === true && backlog.oldest_seconds > hour)
    found.push({ kind: 'fallbackRemains', part: 's3', count: backlog.count, sinceSeconds: backlog.oldest_seconds })
  return found
}

function problemsOfScans({ scanner, scans, checks }: Status): OperatorProblem[] {
  const found: OperatorProblem[] = []
  if (scanner?.is_reachable === false || checks.scanner.state === 'failed')
    found.push({
      kind: 'scannerDown',
      part: 'scanner',
      isUrgent: true,
      reason: checks.scanner.message,
      since: checks.scanner.since,
    })
  if (checks.scanner.state === 'not_used')
    found.push({ kind: 'scannerMissing', part: 'scanner', isSetUp: true, since: checks.scanner.since })
  if (scans.waiting.oldest_seconds > day)
    found.push({
      kind: 'scanOverdue',
      part: 'scanner',
      count: scans.waiting.count,
      sinceSeconds: scans.waiting.oldest_seconds,
    })
  return found
}

/** A job that is late has usually failed too, and is shown once. */
function problemsOfJob(job: JobState): OperatorProblem[] {
  const { name, last_outcome: outcome, last_error: reason, last_ended_at: ended } = job
  if (outcome === 'failed') {
    const kind = { one_instance: 'jobFailed', each_disk: 'taskFailed', outside: 'verificationFailed' } as const
    return [{ kind: kind[job.by], part: 'jobs', subject: name, since: ended, ...(reason === null ? {} : { reason }) }]
  }
  if (job.overdue_seconds > 0)
    return [{ kind: 'jobLate', part: 'jobs', subject: name, sinceSeconds: job.overdue_seconds }]
  if (outcome === 'broken_off' && job.running_since === null)
    return [{ kind: 'jobInterrupted', part: 'jobs', subject: name, since: ended ?? job.last_started_at }]
  return []
}

/** Whole nights without one, as the alert allows. */
const maxBackupDays = 2

function problemsOfBackup({ jobs, looked_at: now }: Status): OperatorProblem[] {
  const backup = findBackup(jobs)
  if (backup === undefined) return []
  const { last_outcome: outcome, last_ended_at: ended, last_error: reason } = backup
  if (ended === null) return [{ kind: 'backupMissing', part: 'backup', isSetUp: true }]
  if (outcome === 'failed')
    return [{ kind: 'backupIncomplete', part: 'backup', since: ended, ...(reason === null ? {} : { reason }) }]
  const isLate = Date.parse(now) - Date.parse(ended) > maxBackupDays * day * 1000
  return isLate ? [{ kind: 'backupLate', part: 'backup', since: ended }] : []
}

export function findBackup(jobs: JobState[]): JobState | undefined {
  return jobs.find(({ name }) => name === 'backup')
}

function problemsOfMail({ mail, started_at: startedAt }: Status): OperatorProblem[] {
  const found: OperatorProblem[] = []
  if (!mail.is_on) found.push({ kind: 'mailOff', part: 'mail', isSetUp: true, since: startedAt })
  if (mail.waiting.oldest_seconds > hour)
    found.push({
      kind: 'mailWaits',
      part: 'mail',
      count: mail.waiting.count,
      sinceSeconds: mail.waiting.oldest_seconds,
    })
  if (mail.failed > 0)
    found.push({ kind: 'mailRejected', part: 'mail', count: mail.failed, sinceSeconds: mail.failed_oldest_seconds })
  return found
}

const lost = new Set(['missing', 'wrong'])

function problemsOfVerification({ verification }: Status): OperatorProblem[] {
  const findings = Object.entries(verification?.findings ?? {}).filter(([, count]) => count > 0)
  if (verification === null || findings.length === 0) return []
  const isUrgent = findings.some(([kind]) => lost.has(kind))
  const count = findings.reduce((sum, [, each]) => sum + each, 0)
  return [{ kind: isUrgent ? 'bytesLost' : 'findings', isUrgent, count, since: verification.finished_at }]
}

function problemsOfQueues({ webhooks, stores, database, audit }: Status): OperatorProblem[] {
  const late = (kind: ProblemKind, { count, oldest_seconds: sinceSeconds }: Status['scans']['waiting'], max: number) =>
    sinceSeconds > max ? [{ kind, count, sinceSeconds }] : []
  return [
    ...problemsOfWebhooks(webhooks),
    ...late('movesOpen', stores.open_moves, 2 * hour),
    ...late('uploadsOpen', stores.open_uploads, 50 * hour),
    ...late('removalsLate', stores.removals_due, day),
    ...late('platformRows', database.platform_rows_waiting, hour),
    ...(audit.events_without_month > 0
      ? [{ kind: 'eventsWithoutMonth' as const, count: audit.events_without_month }]
      : []),
  ]
}

function problemsOfWebhooks({
  waiting,
  disabled,
  disabled_oldest_seconds: since,
}: Status['webhooks']): OperatorProblem[] {
  const found: OperatorProblem[] = []
  if (disabled > 0) found.push({ kind: 'webhookDisabled', part: 'webhooks', count: disabled, sinceSeconds: since })
  if (waiting.oldest_seconds > hour)
    found.push({
      kind: 'webhookWaits',
      part: 'webhooks',
      count: waiting.count,
      sinceSeconds: waiting.oldest_seconds,
    })
  return found
}
