import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export type Program = {
  pid: number
  /** Where it answers, without a slash at the end. */
  url: string
  stop(): Promise<void>
}

type Start = {
  command: string
  words?: string[]
  /** All of its environment, but for the path and the home folder. */
  env: Record<string, string>
  folder: string
  /** Gets what it writes to standard output. */
  logFile: string
}

/** Starts a program that says on standard error where it answers, and waits until it has said so. */
export async function startProgram({ command, words = [], env, folder, logFile }: Start): Promise<Program> {
  const log = await open(logFile, 'a')
  const { PATH = '', HOME = folder } = process.env
  const child = spawn(command, words, { cwd: folder, env: { PATH, HOME, ...env }, stdio: ['ignore', log.fd, 'pipe'] })
  await log.close()
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }

  const url = child.stderr === null ? undefined : await findAddress(child.stderr)
  if (url === undefined || child.pid === undefined) {
    await stop()
    throw new Error(`${command} did not start; ${logFile} has what it logged`)
  }
  return { pid: child.pid, url, stop }
}

/** What is said before and after the address is passed on. */
async function findAddress(output: Readable): Promise<string | undefined> {
  const lines = createInterface(output)
  const ended = once(lines, 'close').then(() => undefined)
  const found = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const address = /answers at (http:\S+)/.exec(line)?.[1]
      if (address === undefined) return
      resolve(address)
      lines.removeAllListeners('line').on('line', () => undefined)
    })
  })
  return Promise.race([found, ended])
}
