import type { Job as QueuedJob } from 'pg-boss'

import { originOf } from '../database/enqueue-job.ts'
import { withLogContext } from '../logger-context.ts'
import { tracedJob } from '../logger-span.ts'
import { recordRun } from '../operations/record-run.ts'
import type { Job, JobNeeds } from './job.ts'
import { logDone } from './log-done.ts'
import type { JobEnd } from './take-jobs.ts'

/**
 * Runs one job of the queue and logs two events, at `debug` when it found nothing to do. Never throws: the result tells
 * the queue how it ended. A newer instance may send a job of a kind that is unknown here: it fails, and is tried again.
 */
export async function runJob(needs: JobNeeds, job: Job | undefined, queued: QueuedJob<unknown>): Promise<JobEnd> {
  if (job !== undefined) return runKnown(needs, job, queued)
  needs.log.warn({ event: 'job_unknown', job: originOf(queued.data).job, job_id: queued.id }, 'job of an unknown kind')
  return { isOk: false, output: { message: 'This instance does not know this kind of job.' } }
}

function runKnown(needs: JobNeeds, job: Job, queued: QueuedJob<unknown>): Promise<JobEnd> {
  const { requestId, traceparent } = originOf(queued.data)
  const whose = { job_id: queued.id, ...(requestId === undefined ? {} : { request_id: requestId }) }
  return withLogContext(whose, async (): Promise<JobEnd> => {
    const { log, metrics } = needs
    const startedAt = performance.now()
    const about = { job: job.name, attempt: queued.retryCount + 1 }
    const duration = () => ({ duration_ms: Math.round(performance.now() - startedAt) })
    const count = (outcome: 'ok' | 'failed') =>
      metrics.jobSeconds.observe({ task: job.name, outcome }, (performance.now() - startedAt) / 1000)

    log.debug({ event: 'job_started', ...about })
    try {
      const facts = { job_id: queued.id, request_id: requestId, attempt: about.attempt }
      const span = { name: `job ${job.name}`, traceparent, facts }
      const done = await recordRun(needs, { task: job.name }, () =>
        tracedJob(needs.tracing, span, () => job.run(needs, queued.signal)),
      )
      count('ok')
      logDone(log, { event: 'job_finished', ...about, ...duration() }, done)
      return { isOk: true, output: done }
    } catch (error) {
      count('failed')
      log.error({ event: 'job_failed', ...about, ...duration(), err: error })
      // The queue keeps what it is given where others may read it; the log has the error.
      return { isOk: false, output: { message: 'It failed; the log says why.' } }
    }
  })
}
