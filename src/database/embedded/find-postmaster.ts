import { readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { hasCode } from './has-code.ts'

type Finding = 'server' | 'another_process' | 'gone' | 'unknown'

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

/** What the process of this id is, seen from here. A server works in its data folder, which tells it from others. */
export async function lookAtProcess(pid: number, cluster: string): Promise<Finding> {
  if (process.platform !== 'linux') return 'unknown'
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === cluster ? 'server' : 'another_process'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return 'gone'
    if (hasCode(error, 'EACCES', 'EPERM')) return 'unknown'
    throw error
  }
}

/**
 * After a power cut or in a restarted container another process may have the dead server's id, and PostgreSQL would
 * refuse to start. In every other case the file is left: PostgreSQL finds by it whether a killed server's children
 * still write. To be called under the start lock, when nothing answers on the socket.
 */
export async function removeMistakenPid(cluster: string): Promise<void> {
  const pid = await readPostmasterPid(cluster)
  if (pid !== undefined && (await lookAtProcess(pid, cluster)) === 'another_process')
    await rm(join(cluster, 'postmaster.pid'), { force: true })
}
