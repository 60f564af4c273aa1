import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { programVariables } from '../../support/service/program-variables.ts'
import type { Command } from './run-command.ts'

const entry = join(import.meta.dirname, 'await-order.ts')
const startWithinMs = 60_000

/** The order that a process gets after it has loaded all modules. */
export type Order = 'serve' | Command

export type Program = {
  /** The application name of its database connections. */
  name: string
  isRunning: () => boolean
  /** With its exit code; null after a kill. */
  ended: Promise<number | null>
  order: (order: Order) => void
  kill: () => Promise<void>
}
export type Place = { folder: string; env: Record<string, string>; log: string }

let programs = 0

/** A process with the service's code loaded that waits for an order, so that the ordered work begins at once. */
export function startProgram({ folder, env, log }: Place): Program {
  programs += 1
  const name = `model-${process.pid}-${programs}`
  const database = new URL(env['DATABASE_URL'] ?? '')
  database.searchParams.set('application_name', name)
  const output = openSync(log, 'a')
  const child = fork(entry, {
    cwd: folder,
    env: {
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      ...programVariables(),
      HOME: folder,
      ...env,
      DATABASE_URL: database.href,
    },
    stdio: ['ignore', output, output, 'ipc'],
    execArgv: [],
  })
  closeSync(output)
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null))
  return {
    name,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    ended,
    // The process may have been interrupted meanwhile. The caller that waits for its work notices.
    order: (order) => void child.send(order, () => undefined),
    async kill() {
      // It may have ended a moment ago.
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Orders a program to serve and waits until it answers. */
export async function serveWith(program: Program, { url, log }: Place & { url: string }): Promise<Program> {
  program.order('serve')
  for (const giveUpAt = Date.now() + startWithinMs; Date.now() < giveUpAt && program.isRunning(); await sleep(5))
    if (await answers(`${url}/healthz`)) return program
  await program.kill()
  throw new Error(`the service did not start:\n${readFileSync(log, 'utf8').split('\n').slice(-20).join('\n')}`)
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    async (answer) => (await answer.text(), answer.ok),
    () => false,
  )
}
