import { readFile } from 'node:fs/promises'

// USER_HZ, in which Linux tells times to programs; 100 on every machine that Node is built for.
const ticksPerSecond = 100

/** What a process itself has used of the processor so far, user and system, all its threads. Its children not. */
export async function readCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The program's name, in brackets, may hold anything; what follows it are numbers.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime, stime] = [Number(fields[11]), Number(fields[12])]
  return (utime + stime) / ticksPerSecond
}

/** The most memory that a process ever had, in MiB. */
export async function readPeakMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`)
  return Number(kilobytes) / 1024
}
