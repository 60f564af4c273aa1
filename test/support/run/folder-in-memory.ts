import { rmSync } from 'node:fs'
import { chmod, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runProgram } from '../services/packages/run-program.ts'

const shared = '/dev/shm'
const neededBytes = 6 * 1024 ** 3

/**
 * A folder for the temporary files of a whole test run. Where the machine has room it is in memory: making and
 * removing files, of hundreds of databases above all, is most of what the tests do on a disk. Else it lies where
 * temporary files usually do.
 */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join((await hasRoom()) ? shared : tmpdir(), 'paniq-tests-'))
  // As `/tmp` itself: the services run as users of their own.
  await chmod(folder, 0o1777)
  // Also when somebody ends the run: memory is not given back by itself.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** A container's shared memory is often small, or does not run programs, as tests of the installed package do. */
async function hasRoom(): Promise<boolean> {
  try {
    const { bsize, bavail } = await statfs(shared)
    const options = await runProgram('findmnt', ['--noheadings', '--output', 'OPTIONS', '--target', shared])
    // Of this process: a container may have less than its machine.
    const room = Math.min(bsize * bavail, process.availableMemory())
    return room >= neededBytes && !options.includes('noexec')
  } catch {
    return false
  }
}
