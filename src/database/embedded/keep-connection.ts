import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'pg'
import type { Logger } from 'pino'

type Kept = {
  /** Ends the keeping and hands over the connection; undefined when it is lost just then. */
  release(): Promise<Client | undefined>
}

const retryMilliseconds = 5000

/**
 * Keeps one connection, by which other processes see that the server is in use: a pool lets its own go when nothing
 * is asked for a while. When it is lost, the server has crashed or was stopped by hand, and `reopen` brings it back.
 */
export function keepConnection(first: Client, reopen: () => Promise<Client>, log: Logger): Kept {
  const released = new AbortController()
  let kept: Client | undefined
  let reopening = Promise.resolve()
  watch(first)

  function watch(client: Client): void {
    kept = client
    client.once('end', () => {
      kept = undefined
      if (!released.signal.aborted) reopening = reopenUntilReleased()
    })
  }

  async function reopenUntilReleased(): Promise<void> {
    log.error({ event: 'embedded_database_lost' }, 'The embedded database went away; bringing it back')
    while (kept === undefined && !released.signal.aborted) {
      try {
        watch(await reopen())
      } catch (err) {
        log.error({ event: 'embedded_database_lost', err }, 'The embedded database does not come back; trying again')
        await sleep(retryMilliseconds, undefined, { signal: released.signal }).catch(() => undefined)
      }
    }
  }

  return {
    async release() {
      released.abort()
      await reopening
      return kept
    },
  }
}
