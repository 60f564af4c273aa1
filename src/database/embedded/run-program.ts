import { type ChildProcess, execFile, spawn, type SpawnOptions } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Logger } from 'pino'

import { ConfigError } from '../../errors/app-error.ts'
import { type Account, canEnter } from './account.ts'
import { copyPrograms, linkLibraries, type Programs } from './programs.ts'

type Needs = { account: Account; programs: Programs; dataDir: string; log: Logger }

/** Finds out how the account can run the programs and reach the data, and makes both possible. */
export async function prepareRunner({ account, programs, dataDir, log }: Needs): Promise<Runner> {
  const runsInPlace = await canEnter(account, join(programs.folder, 'bin'))
  const folder = runsInPlace ? programs.folder : await copyPrograms(programs, log)
  const libraries = await linkLibraries(folder, join(dataDir, 'postgresql-libraries'))
  const readingRight = (await canEnter(account, dataDir)) ? undefined : await findReadingRight()
  if (readingRight !== undefined)
    log.warn(
      { event: 'embedded_database_reads_all', readingRight },
      'DATA_DIR lies in a folder that only root may enter: the embedded database runs with the right to read every file of this machine. That is for try-outs; choose a folder that others may pass through',
    )

  return { account, bin: join(folder, 'bin'), libraries, readingRight }
}

/** The programs in a place where the account may run them, and how it is become. */
export type Runner = {
  account: Account
  /** Folder with `initdb` and `postgres`. */
  bin: string
  /** The loader's search path, where the library links do not stand beside the libraries. */
  libraries: string | undefined
  /** Lent to the programs when the data lies where the account may not enter. */
  readingRight: ReadingRight | undefined
}

type Output = Pick<SpawnOptions, 'stdio' | 'detached'>

/** Starts one of PostgreSQL's programs. It sees nothing of our environment, where keys and passwords are. */
export function runAs(runner: Runner, program: string, args: string[], output: Output): ChildProcess {
  const { account, bin } = runner
  const command = `${bin}/${program}`
  const options = { ...output, cwd: '/', env: environment(runner) }
  if (account.kind === 'self') return spawn(command, args, options)
  if (runner.readingRight === undefined) return spawn(command, args, { ...options, uid: account.uid, gid: account.gid })

  return spawn(
    'setpriv',
    [
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      `--inh-caps=+${runner.readingRight}`,
      `--ambient-caps=+${runner.readingRight}`,
      '--',
      command,
      ...args,
    ],
    options,
  )
}

function environment(runner: Runner): NodeJS.ProcessEnv {
  const base = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }
  if (runner.libraries === undefined) return base

  return { ...base, [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: runner.libraries }
}

/** Root's right to read and pass everywhere; the second, which containers keep, lets it write as well. */
type ReadingRight = 'dac_read_search' | 'dac_override'

/** Bits of Linux' capability sets, from `linux/capability.h`; the lesser right first. */
const rights: [ReadingRight, bigint][] = [
  ['dac_read_search', 1n << 2n],
  ['dac_override', 1n << 1n],
]

/** Which right this process has and can lend to a server whose data lies in a folder that only root may enter. */
async function findReadingRight(): Promise<ReadingRight> {
  const right = await findPermitted()
  if (right !== undefined && (await hasSetpriv())) return right
  throw new ConfigError(
    'DATA_DIR lies in a folder that only root may enter, where the embedded PostgreSQL, which does not run as root, cannot go; choose another folder, or set DATABASE_URL.',
  )
}

async function findPermitted(): Promise<ReadingRight | undefined> {
  const status = await readFile('/proc/self/status', 'utf8')
  const permitted = BigInt(`0x${/^CapPrm:\s*([\da-f]+)$/m.exec(status)?.[1] ?? '0'}`)

  return rights.find(([, bit]) => (permitted & bit) !== 0n)?.[0]
}

async function hasSetpriv(): Promise<boolean> {
  try {
    await promisify(execFile)('setpriv', ['--version'])
    return true
  } catch {
    return false
  }
}
