import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'

import type { Account } from './choose-account.ts'
import type { ReadingRight } from './find-reading-right.ts'

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
