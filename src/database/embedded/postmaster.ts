import { access, chown, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'pg'
import type { Logger } from 'pino'

import { hasCode } from '../../errors/app-error.ts'
import { readIfExists } from '../../files/file-system.ts'

const pollMs = 20
const stopTimeoutMs = 30_000
/** A pool reports that it is closed before the server has ended its connections. */
const lastClientTimeoutMs = 1000

/**
 * Stops the server unless another process is connected, and returns whether it did. `client` is our last connection:
 * while it is open, no other process stops the server. Call it under the start lock.
 */
export async function stopServer(client: Client, cluster: string, log: Logger): Promise<boolean> {
  const pid = (await isLastClient(client)) ? await readPostmasterPid(cluster) : undefined
  await client.end()
  if (pid === undefined) return false

  const found = await identifyProcess(pid, cluster)
  if (found === 'taken' || found === 'free') {
    // The server answered a moment ago, so it runs in another container that shares the folder. Here its id is another process's.
    log.warn(
      { event: 'embedded_database_left_running' },
      'embedded database runs in another container and was left running',
    )
    return false
  }

  // SIGINT is PostgreSQL's fast shutdown.
  process.kill(pid, 'SIGINT')
  return waitUntilStopped(cluster, pid, log)
}

/** The server removes its file last. The process may stay as a zombie where nothing reaps orphans. */
async function waitUntilStopped(cluster: string, pid: number, log: Logger): Promise<boolean> {
  const deadline = Date.now() + stopTimeoutMs
  while ((await readPostmasterPid(cluster)) === pid) {
    if (Date.now() > deadline) {
      log.warn({ event: 'embedded_database_stops_slowly' }, 'embedded database still stopping')
      return false
    }
    await sleep(pollMs)
  }
  return true
}

async function isLastClient(client: Client): Promise<boolean> {
  const deadline = Date.now() + lastClientTimeoutMs
  for (;;) {
    const others = await otherClients(client)
    if (others === 'none') return true
    if (others === 'keepers' || Date.now() > deadline) return false
    await sleep(pollMs)
  }
}

/** `keepers`: another process keeps its connection to the same database as ours. `some`: perhaps our own, closing. */
async function otherClients(client: Client): Promise<'none' | 'some' | 'keepers'> {
  const { rows } = await client.query<{ others: 'none' | 'some' | 'keepers' }>(`
    SELECT CASE WHEN count(*) = 0 THEN 'none' WHEN bool_or(datname = current_database()) THEN 'keepers' ELSE 'some' END AS others
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
  return rows[0]?.others ?? 'some'
}

/** `taken`: another process has the id, or a dead one that is not reaped yet. `unknown`: not visible from here. */
type ProcessIdentity = 'server' | 'taken' | 'free' | 'unknown'

/** Above the maximum of Linux, so that no process ever has it. */
const impossiblePid = 2 ** 22 + 1

/** The process id in the cluster's folder. It may be stale. */
async function readPostmasterPid(cluster: string): Promise<number | undefined> {
  const pid = Number.parseInt((await readIfExists(join(cluster, 'postmaster.pid'))) ?? '', 10)
  return pid > 1 ? pid : undefined
}

/** Identifies the process that has this id now. The working directory of a server is its cluster. */
async function identifyProcess(pid: number, cluster: string): Promise<ProcessIdentity> {
  if (process.platform !== 'linux') return 'unknown'
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === cluster ? 'server' : 'taken'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return (await pidExists(pid)) ? 'taken' : 'free'
    if (hasCode(error, 'EACCES', 'EPERM')) return 'unknown'
    throw error
  }
}

/**
 * After a power failure or in a restarted container another process may have a dead server's id, and PostgreSQL would
 * not start. Only the id is replaced: from the rest of the file PostgreSQL finds out whether a killed server's children
 * still write. Call it under the start lock when nothing answers on the socket.
 */
export async function replaceReusedPid(cluster: string): Promise<void> {
  const pid = await readPostmasterPid(cluster)
  if (pid === undefined || (await identifyProcess(pid, cluster)) !== 'taken') return

  const file = join(cluster, 'postmaster.pid')
  const fresh = `${cluster}-pid.new`
  const { uid, gid } = await stat(file)
  const lines = (await readFile(file, 'utf8')).split('\n').slice(1)
  await rm(fresh, { force: true })
  await writeFile(fresh, [impossiblePid, ...lines].join('\n'), { mode: 0o600, flag: 'wx' })
  await chown(fresh, uid, gid)
  await rename(fresh, file)
}

async function pidExists(pid: number): Promise<boolean> {
  try {
    await access(`/proc/${pid}`)
    return true
  } catch {
    return false
  }
}
