import { spawn } from 'node:child_process'
import { once } from 'node:events'

type Run = {
  command: string
  words: string[]
  /** Its environment, except the path and the home folder. */
  env: Record<string, string>
  folder: string
  signal: AbortSignal
}

/** The seconds that a program runs. Throws its output when it fails. */
export async function secondsOf({ command, words, env, folder: cwd, signal }: Run): Promise<number> {
  const { PATH = '' } = process.env
  const startedAt = performance.now()
  const child = spawn(command, words, {
    cwd,
    env: { PATH, HOME: cwd, ...env },
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // An abort emits an error, then `close`.
  child.on('error', () => undefined)
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${command} ${words.join(' ')} failed: ${output}`)
  return (performance.now() - startedAt) / 1000
}
