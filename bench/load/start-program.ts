import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export type Program = {
  pid: number
  /** Its address, without a final slash. */
  url: string
  stop(): Promise<void>
}

type Start = {
  command: string
  words?: string[]
  /** Its environment, except the path and the home folder. */
  env: Record<string, string>
  folder: string
  /** For its standard output. */
  logFile: string
  /** Aborts when the bench ends. */
  signal: AbortSignal
}

/** Starts a program and waits until it prints its address on standard error. */
export async function startProgram(start: Start): Promise<Program> {
  const { command, words = [], folder: cwd, logFile, signal } = start
  const log = await open(logFile, 'a')
  const { PATH = '', HOME = cwd } = process.env
  const env = { PATH, HOME, ...start.env }
  const child = spawn(command, words, { cwd, env, signal, stdio: ['ignore', log.fd, 'pipe'] })
  // An abort emits an error, then `exit`.
  child.on('error', () => undefined)
  await log.close()
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }

  const { address, lines } = await listenFor(/answers at (http:\S+)/, child.stderr)
  if (address === undefined || child.pid === undefined) {
    await stop()
    throw new Error(`${command} did not start: ${lines.join('\n')}`)
  }
  return { pid: child.pid, url: address, stop }
}

/** Reads until the address or the end of the output; discards later output. */
async function listenFor(pattern: RegExp, output: Readable | null): Promise<{ address?: string; lines: string[] }> {
  const lines: string[] = []
  if (output === null) return { lines }
  for await (const line of createInterface(output)) {
    lines.push(line)
    const address = pattern.exec(line)?.[1]
    if (address === undefined) continue
    output.resume()
    return { address, lines }
  }
  return { lines }
}
