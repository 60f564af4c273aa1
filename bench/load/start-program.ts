import { spawn } from 'node:child_process'
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
  /** Ends it when the whole bench is to end. */
  signal: AbortSignal
}

/** Starts a program that says on standard error where it answers, and waits until it has said so. */
export async function startProgram(start: Start): Promise<Program> {
  const { command, words = [], folder: cwd, logFile, signal } = start
  const log = await open(logFile, 'a')
  const { PATH = '', HOME = cwd } = process.env
  const env = { PATH, HOME, ...start.env }
  const child = spawn(command, words, { cwd, env, signal, stdio: ['ignore', log.fd, 'pipe'] })
  // An abort is told as an error; `exit` follows.
  child.on('error', () => undefined)
  await log.close()
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }

  const { address, said } = await listenFor(/answers at (http:\S+)/, child.stderr)
  if (address === undefined || child.pid === undefined) {
    await stop()
    throw new Error(`${command} did not start: ${said.join('\n')}`)
  }
  return { pid: child.pid, url: address, stop }
}

/** Reads until the address is said or the output ends; what comes later is thrown away. */
async function listenFor(pattern: RegExp, output: Readable | null): Promise<{ address?: string; said: string[] }> {
  const said: string[] = []
  if (output === null) return { said }
  for await (const line of createInterface(output)) {
    said.push(line)
    const address = pattern.exec(line)?.[1]
    if (address === undefined) continue
    output.resume()
    return { address, said }
  }
  return { said }
}
