import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

// USER_HZ, Linux's unit of times: 100 on every machine that Node supports.
const ticksPerSecond = 100

/** The processor time of a process, user and system, with all its threads, without its children. */
export async function readCpuSeconds(pid: number): Promise<number> {
  const { own } = await readTimes(pid)
  return own / ticksPerSecond
}

async function readTimes(pid: number): Promise<{ parent: number; own: number; ofEndedChildren: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The program's name in brackets can contain any character. Numbers follow it.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11)
  return { parent: fields[1] ?? 0, own: utime + stime, ofEndedChildren: cutime + cstime }
}

/** The processor time of the embedded PostgreSQL in a `DATA_DIR`: its first process and all that this one started. */
export async function readDatabaseCpuSeconds(dataDir: string): Promise<number> {
  const server = Number.parseInt(await readFile(join(dataDir, 'postgresql/postmaster.pid'), 'utf8'), 10)
  const { own, ofEndedChildren } = await readTimes(server)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  // A process that has just ended counts among the ended children.
  const all = await Promise.all(pids.map((pid) => readTimes(pid).catch(() => undefined)))
  const children = all.filter((times) => times?.parent === server)
  return (own + ofEndedChildren + children.reduce((sum, times) => sum + (times?.own ?? 0), 0)) / ticksPerSecond
}

/** The peak memory of a process in MiB. */
export async function readPeakMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`)
  return Number(kilobytes) / 1024
}
