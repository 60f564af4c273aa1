import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { LoadReply, LoadRequest, LoadResult } from './load.ts'

export type Load = {
  run(order: LoadRequest): Promise<LoadResult>
  stop(): Promise<void>
}

/** A process that sends requests as told, one order at a time. */
export function startLoad(signal: AbortSignal): Load {
  const child = fork(fileURLToPath(new URL('load.ts', import.meta.url)), { stdio: 'inherit', signal })
  // An abort is told as an error; `exit` follows.
  child.on('error', () => undefined)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  return {
    async run(order) {
      const gone = exited.then((): LoadReply => ({ failure: 'the process that makes the load ended' }))
      // Nobody else speaks on this channel, and it says only this.
      const answered = new Promise<LoadReply>((resolve) =>
        child.once('message', (answer) => resolve(answer as LoadReply)),
      )
      child.send(order)
      const answer = await Promise.race([answered, gone])
      if ('failure' in answer) throw new Error(answer.failure)
      return answer.result
    },
    async stop() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
