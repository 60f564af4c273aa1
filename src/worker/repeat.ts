import { randomUUID } from 'node:crypto'

import { withLogContext } from '../logger-context.ts'
import { tracedJob } from '../logger-span.ts'
import type { Tracing } from '../logger-trace.ts'
import type { Metrics } from '../metrics.ts'
import { type RecordNeeds, recordRun } from '../operations/record-run.ts'
import type { StoreId } from '../vocabulary.ts'
import { logDone } from './log-done.ts'

type Needs = RecordNeeds & { metrics: Pick<Metrics, 'jobSeconds'>; tracing: Tracing | undefined }

export type Task = {
  name: string
  disk: StoreId
  everyMs: number
  /** Does the work and says what it did, for the log. `taskId` is what its log lines carry. */
  run: (taskId: string) => Promise<Record<string, number>>
}

export type Repeated = {
  /** Does it now, or once more when it is being done. */
  ringNow: () => void
  /** Waits for the run that is under way. */
  end: () => Promise<void>
}

/** Does a task at once and then again and again, never twice at a time; a run that fails is logged, and the next one comes. */
export function repeat(needs: Needs, task: Task): Repeated {
  const ending = new AbortController()
  let ring = Promise.withResolvers<void>()

  async function loop(): Promise<void> {
    while (!ending.signal.aborted) {
      ring = Promise.withResolvers()
      await runOnce(needs, task)
      await passesOrIsRung(task.everyMs, ring.promise)
    }
  }

  const looping = loop()
  const ringNow = () => ring.resolve()
  return {
    ringNow,
    async end() {
      ending.abort()
      ringNow()
      await looping
    },
  }
}

async function passesOrIsRung(ms: number, rung: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  // A process that has nothing else to do may end.
  const timer = setTimeout(resolve, ms).unref()
  await Promise.race([promise, rung])
  clearTimeout(timer)
}

async function runOnce(needs: Needs, task: Task): Promise<void> {
  const { log, metrics, tracing } = needs
  const taskId = randomUUID()
  await withLogContext({ job_id: taskId }, async () => {
    const startedAt = performance.now()
    const ended = (outcome: 'ok' | 'failed') =>
      metrics.jobSeconds.observe({ task: task.name, outcome }, (performance.now() - startedAt) / 1000)
    try {
      const span = { name: `task ${task.name}`, facts: { job_id: taskId } }
      const done = await recordRun(needs, { task: task.name, disk: task.disk }, () =>
        tracedJob(tracing, span, () => task.run(taskId)),
      )
      ended('ok')
      const duration = Math.round(performance.now() - startedAt)
      logDone(log, { event: 'task_finished', task: task.name, duration_ms: duration }, done)
    } catch (error) {
      ended('failed')
      log.error({ event: 'task_failed', task: task.name, err: error })
    }
  })
}
