import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import { withLogContext } from '../logger.ts'

export type Task = {
  name: string
  everyMs: number
  /** Does the work and says what it did, for the log. `taskId` is what its log lines carry. */
  run(taskId: string): Promise<Record<string, number>>
}

export type Repeated = {
  /** Does it now, or once more when it is being done. */
  ringNow(): void
  /** Waits for the run that is under way. */
  end(): Promise<void>
}

/** Does a task at once and then again and again, never twice at a time; a run that fails is logged, and the next one comes. */
export function repeat(log: Logger, task: Task): Repeated {
  let isEnded = false
  let isRung = true
  let wake: () => void = () => undefined

  async function loop(): Promise<void> {
    while (!isEnded) {
      isRung = false
      await runOnce(log, task)
      await pause()
    }
  }

  async function pause(): Promise<void> {
    if (isEnded || isRung) return
    const { promise, resolve } = Promise.withResolvers<void>()
    wake = resolve
    // A process that has nothing else to do may end.
    const timer = setTimeout(resolve, task.everyMs).unref()
    await promise
    clearTimeout(timer)
  }

  const looping = loop()
  return {
    ringNow() {
      isRung = true
      wake()
    },
    async end() {
      isEnded = true
      wake()
      await looping
    },
  }
}

async function runOnce(log: Logger, { name, run }: Task): Promise<void> {
  const taskId = randomUUID()
  await withLogContext({ job_id: taskId }, async () => {
    const startedAt = performance.now()
    try {
      const done = await run(taskId)
      const event = {
        event: 'task_finished',
        task: name,
        duration_ms: Math.round(performance.now() - startedAt),
        ...done,
      }
      // What found nothing to do every minute is no news.
      if (Object.values(done).some((count) => count > 0)) log.info(event)
      else log.debug(event)
    } catch (error) {
      log.error({ event: 'task_failed', task: name, err: error })
    }
  })
}
