import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const program = join(import.meta.dirname, '../../bin/paniq-docs')
const startWithinMs = 60_000

export type Program = {
  pid: number
  isRunning: () => boolean
  /** With its exit code; null when it was killed. */
  ended: Promise<number | null>
  kill: () => Promise<void>
}
type Place = { folder: string; env: Record<string, string>; log: string }

/** Starts one command of the service's as an operator would; what it says goes to the file `log`. */
export function startCommand(words: string[], { folder, env, log }: Place): Program {
  const output = openSync(log, 'a')
  const { PATH = '' } = process.env
  const child = spawn(program, words, {
    cwd: folder,
    env: { PATH, HOME: folder, ...env },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const { pid } = child
  if (pid === undefined) throw new Error(`${program} could not be started`)
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null))
  return {
    pid,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    ended,
    async kill() {
      // It may have ended by itself a moment ago.
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Starts the service and waits until it answers. */
export async function startService(place: Place & { url: string }): Promise<Program> {
  const service = startCommand(['serve'], place)
  for (const giveUpAt = Date.now() + startWithinMs; Date.now() < giveUpAt && service.isRunning(); await sleep(50))
    if (await answers(`${place.url}/healthz`)) return service
  await service.kill()
  throw new Error(`the service did not start:\n${readFileSync(place.log, 'utf8').split('\n').slice(-20).join('\n')}`)
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    async (answer) => (await answer.text(), answer.ok),
    () => false,
  )
}
