import { readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { hasCode } from './has-code.ts'

/** The process id that the server of this cluster left in its folder. It may be stale. */
export async function readPostmasterPid(cluster: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8'), 10)
    return pid > 1 ? pid : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Whether this process is the cluster's server: a server works in its data folder. Undefined: cannot tell. */
export async function isPostmaster(pid: number, cluster: string): Promise<boolean | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === cluster
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false
    if (hasCode(error, 'EACCES', 'EPERM')) return undefined
    throw error
  }
}

/**
 * After a power cut or in a restarted container another process may have the dead server's id; PostgreSQL would
 * then refuse to start. To be called under the start lock, when nothing answers on the socket.
 */
export async function removeStalePid(cluster: string): Promise<void> {
  const pid = await readPostmasterPid(cluster)
  if (pid !== undefined && (await isPostmaster(pid, cluster)) === false)
    await rm(join(cluster, 'postmaster.pid'), { force: true })
}
