import type { Metrics } from '../metrics.ts'
import type { WorkState } from '../operations/judge-work.ts'

/** Sets how the last runs went; of what is done on several disks the worst counts. */
export function showWork(metrics: Metrics, work: WorkState[]): void {
  for (const level of [metrics.jobSucceeded, metrics.jobLastOk, metrics.jobOverdue]) level.reset()
  const here = work.filter(({ isGone }) => !isGone)
  for (const [task, states] of Map.groupBy(here, ({ name }) => name)) {
    metrics.jobOverdue.set({ task }, Math.max(...states.map(({ overdueSeconds }) => overdueSeconds)))
    const succeeded = states.flatMap(({ succeededAt }) => succeededAt?.getTime() ?? [])
    if (succeeded.length > 0) metrics.jobSucceeded.set({ task }, Math.max(...succeeded) / 1000)
    const ended = states.flatMap(({ last }) => last ?? [])
    if (ended.length > 0) metrics.jobLastOk.set({ task }, ended.every(({ outcome }) => outcome === 'ok') ? 1 : 0)
  }
}
