import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { LoadReply, LoadRequest, LoadResult } from './load.ts'

export type Load = {
  run(order: LoadRequest): Promise<LoadResult>
  stop(): Promise<void>
}

/** Starts a process that sends requests, one load at a time. */
export function startLoad(signal: AbortSignal): Load {
  const child = fork(fileURLToPath(new URL('load.ts', import.meta.url)), { stdio: 'inherit', signal })
  // An abort emits an error, then `exit`.
  child.on('error', () => undefined)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  return {
    async run(order) {
      const ended = exited.then((): LoadReply => ({ failure: 'the load process ended' }))
      // The process sends only this message.
      const answered = new Promise<LoadReply>((resolve) =>
        child.once('message', (answer) => resolve(answer as LoadReply)),
      )
      child.send(order)
      const answer = await Promise.race([answered, ended])
      if ('failure' in answer) throw new Error(answer.failure)
      return answer.result
    },
    async stop() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
