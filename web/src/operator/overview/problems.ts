import type { Schemas } from '../../api/openapi.d.ts'
import type { Texts } from '../../texts/en.ts'

export type Status = Schemas['Status']
export type JobState = Status['jobs'][number]
export type ProblemKind = keyof Texts['operator']['problems']

/** Something that an operator should do something about. */
export type OperatorProblem = {
  kind: ProblemKind
  /** Users notice it: the runbook wakes somebody. */
  isUrgent?: boolean
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
    ...status.jobs.filter((job) => !job.is_gone).flatMap(problemsOfJob),
    ...problemsOfVerification(status),
    ...problemsOfQueues(status),
  ]
  return all.toSorted((one, other) => Number(other.isUrgent ?? false) - Number(one.isUrgent ?? false))
}

function problemsOfStores({ checks, stores }: Status): OperatorProblem[] {
  const { s3, new_files_go_to: target, waiting_for_s3: backlog } = stores
  const found: OperatorProblem[] = []
  if (checks.s3.state === 'failed')
    found.push({
      kind: target === 'none' ? 'uploadsRejected' : 's3Down',
      isUrgent: true,
      reason: checks.s3.message,
      since: checks.s3.since,
    })
  if (checks.local.state === 'failed')
    found.push({ kind: 'diskDown', isUrgent: true, reason: checks.local.message, since: checks.local.since })
  if (s3?.is_used === true && backlog.oldest_seconds > hour)
    found.push({ kind: 'fallbackRemains', count: backlog.count, sinceSeconds: backlog.oldest_seconds })
  return found
}

function problemsOfScans({ scanner, scans, checks }: Status): OperatorProblem[] {
  const found: OperatorProblem[] = []
  if (scanner?.is_reachable === false || checks.scanner.state === 'failed')
    found.push({ kind: 'scannerDown', isUrgent: true, reason: checks.scanner.message, since: checks.scanner.since })
  if (scans.waiting.oldest_seconds > day)
    found.push({ kind: 'scanOverdue', count: scans.waiting.count, sinceSeconds: scans.waiting.oldest_seconds })
  return found
}

/** A job that is late has usually failed too, and is shown once. */
function problemsOfJob(job: JobState): OperatorProblem[] {
  const { name, last_outcome: outcome, last_error: reason, last_ended_at: ended } = job
  if (outcome === 'failed') {
    const kind = { one_instance: 'jobFailed', each_disk: 'taskFailed', outside: 'commandFailed' } as const
    return [{ kind: kind[job.by], subject: name, since: ended, ...(reason === null ? {} : { reason }) }]
  }
  return job.overdue_seconds > 0 ? [{ kind: 'jobLate', subject: name, sinceSeconds: job.overdue_seconds }] : []
}

const lost = new Set(['missing', 'wrong'])

function problemsOfVerification({ verification }: Status): OperatorProblem[] {
  const findings = Object.entries(verification?.findings ?? {}).filter(([, count]) => count > 0)
  if (verification === null || findings.length === 0) return []
  const isUrgent = findings.some(([kind]) => lost.has(kind))
  const count = findings.reduce((sum, [, each]) => sum + each, 0)
  return [{ kind: isUrgent ? 'bytesLost' : 'findings', isUrgent, count, since: verification.finished_at }]
}

function any(kind: ProblemKind, count: number): OperatorProblem[] {
  return count > 0 ? [{ kind, count }] : []
}

function problemsOfQueues({ mail, webhooks, stores, database, audit }: Status): OperatorProblem[] {
  const late = (kind: ProblemKind, { count, oldest_seconds: sinceSeconds }: Status['scans']['waiting'], max: number) =>
    sinceSeconds > max ? [{ kind, count, sinceSeconds }] : []
  return [
    ...late('mailWaits', mail.waiting, hour),
    ...any('mailRejected', mail.failed),
    ...any('webhookDisabled', webhooks.disabled),
    ...late('movesOpen', stores.open_moves, 2 * hour),
    ...late('uploadsOpen', stores.open_uploads, 50 * hour),
    ...late('removalsLate', stores.removals_due, day),
    ...late('platformRows', database.platform_rows_waiting, hour),
    ...any('eventsWithoutMonth', audit.events_without_month),
  ]
}
