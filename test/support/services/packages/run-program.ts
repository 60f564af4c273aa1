import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

import { ServiceFailure } from './service-failure.ts'

export type Account = { uid: number; gid: number }

type RunOptions = { account?: Account | undefined; timeoutMs?: number }

/** Runs a program to its end and returns its output. The error has its error output. */
export async function runProgram(command: string, words: string[], options: RunOptions = {}): Promise<string> {
  const { account, timeoutMs = 30_000 } = options
  try {
    const { stdout } = await promisify(execFile)(command, words, {
      ...account,
      cwd: '/',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    return stdout
  } catch (error) {
    throw new ServiceFailure(`${command} failed: ${complaintOf(error)}`, { cause: error })
  }
}

export type RunningProgram = {
  name: string
  isRunning: () => boolean
  /** The end of its output. */
  lastWords: () => string
  /** Ends it, by force if it is still running after some seconds, and returns when it is gone. */
  stop: (signal: NodeJS.Signals) => Promise<void>
}

export type ProgramToStart = {
  name: string
  command: string
  words: string[]
  /** Receives its whole output. With a pipe, the reader of the tests' own output would wait for the program. */
  logPath: string
  account?: Account | undefined
}

/** Starts a program that runs until it is stopped. */
export function startProgram({ name, command, words, logPath, account }: ProgramToStart): RunningProgram {
  const log = openSync(logPath, 'a')
  const child = spawn(command, words, { ...account, cwd: '/', stdio: ['ignore', log, log] })
  closeSync(log)
  // Without a listener, a program that cannot be started would end ours. It then counts as not running.
  child.on('error', () => undefined)
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null

  return {
    name,
    isRunning,
    lastWords: () => readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-8).join('\n'),
    async stop(signal) {
      if (!isRunning()) return
      const gone = once(child, 'exit')
      child.kill(signal)
      const goneInTime = await Promise.race([gone.then(() => true), wait(8000, false, { ref: false })])
      if (!goneInTime) child.kill('SIGKILL')
      await gone
    },
  }
}

/** Repeats the check until it succeeds. Gives up at the timeout or when the program has ended. */
export async function waitUntilReady(
  program: RunningProgram,
  seconds: number,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const giveUpAt = Date.now() + seconds * 1000
  while (!(await isReady().catch(() => false))) {
    const why = program.isRunning() ? `did not answer within ${seconds} s` : 'ended at its start'
    if (!program.isRunning() || Date.now() > giveUpAt) {
      throw new ServiceFailure(`${program.name} ${why}:\n${program.lastWords()}`)
    }
    await wait(100)
  }
}

function complaintOf(error: unknown): string {
  // execFile adds the program's output to its error.
  if (error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' && error.stderr.trim() !== '') {
    return error.stderr.trim().split('\n').slice(-8).join('\n')
  }
  return error instanceof Error ? error.message : String(error)
}
