import { access, chown, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'pg'
import type { Logger } from 'pino'

import { hasCode } from '../../errors/app-error.ts'
import { readIfExists } from '../../files/file-system.ts'

const pollMs = 20
const stopTimeoutMs = 30_000
/** A pool says that it is closed before the server has let its connections go. */
const lastClientTimeoutMs = 1000

/**
 * Stops the server unless somebody else is connected, and answers whether it did. `client` is our own last
 * connection, open until now: while it was, nobody else could stop the server. To be called under the start lock.
 */
export async function stopServer(client: Client, cluster: string, log: Logger): Promise<boolean> {
  const pid = (await isLastClient(client)) ? await readPostmasterPid(cluster) : undefined
  await client.end()
  if (pid === undefined) return false

  const found = await identifyProcess(pid, cluster)
  if (found === 'taken' || found === 'free') {
    // It answered a moment ago, so its id counts in another container that shares the folder; here it is somebody else's.
    log.warn({ event: 'embedded_database_left_running' }, 'The embedded database runs elsewhere and is left running')
    return false
  }

  // SIGINT is PostgreSQL's fast shutdown.
  process.kill(pid, 'SIGINT')
  return waitUntilStopped(cluster, pid, log)
}

/** The file goes last. The process itself may stay as a zombie, where nobody reaps the orphans. */
async function waitUntilStopped(cluster: string, pid: number, log: Logger): Promise<boolean> {
  const deadline = Date.now() + stopTimeoutMs
  while ((await readPostmasterPid(cluster)) === pid) {
    if (Date.now() > deadline) {
      log.warn({ event: 'embedded_database_stops_slowly' }, 'The embedded database is still busy stopping')
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

/** `keepers`: another process holds its last connection too, to the same database as ours. `some`: perhaps our own, closing. */
async function otherClients(client: Client): Promise<'none' | 'some' | 'keepers'> {
  const { rows } = await client.query<{ others: 'none' | 'some' | 'keepers' }>(`
    SELECT CASE WHEN count(*) = 0 THEN 'none' WHEN bool_or(datname = current_database()) THEN 'keepers' ELSE 'some' END AS others
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
  return rows[0]?.others ?? 'some'
}

/** `taken`: another process has the id, or a dead one that nobody has reaped yet. `unknown`: cannot be seen from here. */
type ProcessIdentity = 'server' | 'taken' | 'free' | 'unknown'

/** One more than Linux can give, so that no process ever has it. */
const impossiblePid = 2 ** 22 + 1

/** The process id that the server of this cluster left in its folder. It may be stale. */
async function readPostmasterPid(cluster: string): Promise<number | undefined> {
  const pid = Number.parseInt((await readIfExists(join(cluster, 'postmaster.pid'))) ?? '', 10)
  return pid > 1 ? pid : undefined
}

/** Who has this process id now. A server works in its data folder, which tells it from others. */
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
 * After a power cut, in a restarted container or where nobody reaps orphans, a dead server's id is somebody else's,
 * and PostgreSQL would refuse to start. Only the id is replaced: by the rest of the file PostgreSQL finds out whether
 * a killed server's children still write. To be called under the start lock, when nothing answers on the socket.
 */
export async function replaceReusedPid(dataDir: string, cluster: string): Promise<void> {
  const pid = await readPostmasterPid(cluster)
  if (pid === undefined || (await identifyProcess(pid, cluster)) !== 'taken') return

  const file = join(cluster, 'postmaster.pid')
  const fresh = join(dataDir, 'postgresql-pid.new')
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
