import type { ReadinessShape } from '../../contract-operations.ts'
import type { WorkState } from '../../operations/judge-work.ts'

/** Whether all that is done behind people's backs is done in time. */
export function judgeJobs(work: WorkState[] | undefined): ReadinessShape['checks']['jobs'] {
  if (work === undefined)
    return { state: 'failed', message: 'How the jobs went is not known: the database did not say.' }
  const late = listJobs(work).filter((job) => job.is_overdue)
  if (late.length === 0) return { state: 'ok', message: 'Nothing is late.' }
  return { state: 'failed', message: `Late: ${late.map(({ name }) => name).join(', ')}.` }
}

/** One line for each; of what is done on several disks, the one that is worst. */
export function listJobs(work: WorkState[]): ReadinessShape['jobs'] {
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
