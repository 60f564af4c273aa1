import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { findFreePorts } from '../test/support/services/packages/free-ports.ts'
import type { Login } from './call-api.ts'

export type Demo = { url: string; firm: Login; reviewer: Login; administrator: Login }

/** Starts `npm run demo` on a free port as another process. `stop`: its exit status. */
export async function startDemo(): Promise<{ demo: Demo; stop: () => Promise<number | null> }> {
  const [port] = await findFreePorts(1)
  const program = spawn(process.execPath, [join(import.meta.dirname, 'run.ts'), '--port', String(port), '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(program, 'exit')
  const stop = async () => {
    program.kill('SIGTERM')
    await ended
    return program.exitCode
  }
  for await (const line of createInterface(program.stdout)) return { demo: JSON.parse(line) as Demo, stop } // its only line
  throw new Error('the demo ended before it was ready')
}
