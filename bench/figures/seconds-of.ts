import { spawn } from 'node:child_process'
import { once } from 'node:events'

type Run = {
  command: string
  words: string[]
  /** All of its environment, but for the path and the home folder. */
  env: Record<string, string>
  folder: string
  signal: AbortSignal
}

/** How long a program takes from its start to its end. Throws, with what it said, when it fails. */
export async function secondsOf({ command, words, env, folder: cwd, signal }: Run): Promise<number> {
  const { PATH = '' } = process.env
  const startedAt = performance.now()
  const child = spawn(command, words, {
    cwd,
    env: { PATH, HOME: cwd, ...env },
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // An abort is told as an error; `close` follows.
  child.on('error', () => undefined)
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${command} ${words.join(' ')} failed: ${said}`)
  return (performance.now() - startedAt) / 1000
}
