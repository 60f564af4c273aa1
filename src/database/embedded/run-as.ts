import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'

import type { Account } from './choose-account.ts'

/** The programs in a place where the account may run them, and how it is become. */
export type Runner = {
  account: Account
  /** Folder with `initdb` and `postgres`. */
  bin: string
  /** Where the library links stand, unless beside the libraries themselves. */
  libraries: string | undefined
  /** The data lies where the account may not enter, so the programs are given root's right to read. */
  entersClosedFolders: boolean
}

type Output = Pick<SpawnOptions, 'stdio' | 'detached'>

/** Starts one of PostgreSQL's programs. It sees nothing of our environment, where keys and passwords are. */
export function runAs(runner: Runner, program: string, args: string[], output: Output): ChildProcess {
  const { account, bin } = runner
  const command = `${bin}/${program}`
  const options = { ...output, cwd: '/', env: environment(runner) }
  if (account.kind === 'self') return spawn(command, args, options)
  if (!runner.entersClosedFolders) return spawn(command, args, { ...options, uid: account.uid, gid: account.gid })

  // Reading and passing through is all it needs below a closed folder: what it writes, it owns.
  const right = '+dac_read_search'
  return spawn(
    'setpriv',
    [
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      `--inh-caps=${right}`,
      `--ambient-caps=${right}`,
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
