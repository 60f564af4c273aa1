import { rmSync } from 'node:fs'
import { chmod, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runProgram } from '../services/packages/run-program.ts'

const shared = '/dev/shm'
const neededBytes = 6 * 1024 ** 3

/**
 * A folder for the temporary files of a whole test run, in memory if the machine has room: most of the tests' work on a
 * disk would be creating and removing files, especially of hundreds of databases. Otherwise it is in the usual
 * temporary folder.
 */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join((await hasRoom()) ? shared : tmpdir(), 'paniq-tests-'))
  // Permissions like `/tmp`: the services run as other users.
  await chmod(folder, 0o1777)
  // Also if the run is interrupted: memory is not freed by itself.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/**
 * A container's shared memory is often small, or does not allow programs to run, as tests of the installed package do.
 */
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
