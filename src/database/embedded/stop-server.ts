import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'pg'
import type { Logger } from 'pino'

import { lookAtProcess, readPostmasterPid } from './find-postmaster.ts'

const pollMilliseconds = 20
const patienceMilliseconds = 30_000
/** A pool says that it is closed before the server has let its connections go. */
const farewellMilliseconds = 1000

/**
 * Stops the server unless somebody else is connected, and answers whether it did. `client` is our own last
 * connection, open until now: while it was, nobody else could stop the server. To be called under the start lock.
 */
export async function stopServer(client: Client, cluster: string, log: Logger): Promise<boolean> {
  const pid = (await isLastClient(client)) ? await readPostmasterPid(cluster) : undefined
  await client.end()
  if (pid === undefined) return false

  const found = await lookAtProcess(pid, cluster)
  if (found === 'taken' || found === 'free') {
    // It answered a moment ago, so its id counts in another container that shares the folder; here it is somebody else's.
    log.warn({ event: 'embedded_database_left_running' }, 'The embedded database runs elsewhere and is left running')
    return false
  }

  // SIGINT is PostgreSQL's fast shutdown.
  process.kill(pid, 'SIGINT')
  return waitUntilGone(cluster, pid, log)
}

/** The file goes last. The process itself may stay as a zombie, where nobody reaps the orphans. */
async function waitUntilGone(cluster: string, pid: number, log: Logger): Promise<boolean> {
  const deadline = Date.now() + patienceMilliseconds
  while ((await readPostmasterPid(cluster)) === pid) {
    if (Date.now() > deadline) {
      log.warn({ event: 'embedded_database_stops_slowly' }, 'The embedded database is still busy stopping')
      return false
    }
    await sleep(pollMilliseconds)
  }
  return true
}

async function isLastClient(client: Client): Promise<boolean> {
  const deadline = Date.now() + farewellMilliseconds
  for (;;) {
    const others = await otherClients(client)
    if (others === 'none') return true
    if (others === 'keepers' || Date.now() > deadline) return false
    await sleep(pollMilliseconds)
  }
}

/** `keepers`: another process holds its last connection too, to the same database as ours. `some`: perhaps our own, closing. */
async function otherClients(client: Client): Promise<'none' | 'some' | 'keepers'> {
  const { rows } = await client.query<{ others: 'none' | 'some' | 'keepers' }>(`
    SELECT CASE WHEN count(*) = 0 THEN 'none' WHEN bool_or(datname = current_database()) THEN 'keepers' ELSE 'some' END AS others
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
  return rows[0]?.others ?? 'some'
}
