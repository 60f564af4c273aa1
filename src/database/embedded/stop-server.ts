import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'pg'
import type { Logger } from 'pino'

import { isPostmaster, readPostmasterPid } from './find-postmaster.ts'

const pollMilliseconds = 20
const patienceMilliseconds = 30_000

/**
 * Stops the server unless somebody else is connected. `client` is our own last connection, open until now: while it
 * was, nobody else could stop the server. To be called under the start lock.
 */
export async function stopServer(client: Client, cluster: string, log: Logger): Promise<void> {
  const pid = (await isLastClient(client)) ? await readPostmasterPid(cluster) : undefined
  await client.end()
  if (pid === undefined) return
  if ((await isPostmaster(pid, cluster)) === false) {
    // Seen from here the id is another's: the server runs in another container on the same folder.
    log.warn({ event: 'embedded_database_left_running' }, 'The embedded database runs elsewhere and is left running')
    return
  }

  // SIGINT is PostgreSQL's fast shutdown. The file goes last; the process itself may stay as a zombie where nobody reaps.
  process.kill(pid, 'SIGINT')
  const deadline = Date.now() + patienceMilliseconds
  while ((await readPostmasterPid(cluster)) === pid && Date.now() < deadline) await sleep(pollMilliseconds)
}

async function isLastClient(client: Client): Promise<boolean> {
  const { rowCount } = await client.query(
    "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1",
  )
  return rowCount === 0
}
