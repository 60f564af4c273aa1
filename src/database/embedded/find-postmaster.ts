import { access, chown, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { hasCode } from '../../errors-code.ts'

/** `taken`: another process has the id, or a dead one that nobody has reaped yet. `unknown`: cannot be seen from here. */
type Finding = 'server' | 'taken' | 'free' | 'unknown'

/** One more than Linux can give, so that no process ever has it. */
const impossiblePid = 2 ** 22 + 1

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

/** Who has this process id now. A server works in its data folder, which tells it from others. */
export async function lookAtProcess(pid: number, cluster: string): Promise<Finding> {
  if (process.platform !== 'linux') return 'unknown'
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === cluster ? 'server' : 'taken'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return (await isListed(pid)) ? 'taken' : 'free'
    if (hasCode(error, 'EACCES', 'EPERM')) return 'unknown'
    throw error
  }
}

/**
 * After a power cut, in a restarted container or where nobody reaps orphans, a dead server's id is somebody else's,
 * and PostgreSQL would refuse to start. Only the id is replaced: by the rest of the file PostgreSQL finds out whether
 * a killed server's children still write. To be called under the start lock, when nothing answers on the socket.
 */
export async function disownTakenPid(dataDir: string, cluster: string): Promise<void> {
  const pid = await readPostmasterPid(cluster)
  if (pid === undefined || (await lookAtProcess(pid, cluster)) !== 'taken') return

  const file = join(cluster, 'postmaster.pid')
  const fresh = join(dataDir, 'postgresql-pid.new')
  const { uid, gid } = await stat(file)
  const lines = (await readFile(file, 'utf8')).split('\n').slice(1)
  await rm(fresh, { force: true })
  await writeFile(fresh, [impossiblePid, ...lines].join('\n'), { mode: 0o600, flag: 'wx' })
  await chown(fresh, uid, gid)
  await rename(fresh, file)
}

async function isListed(pid: number): Promise<boolean> {
  try {
    await access(`/proc/${pid}`)
    return true
  } catch {
    return false
  }
}
