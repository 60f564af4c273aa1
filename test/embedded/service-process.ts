import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { ClientConfig } from 'pg'
import { onTestFinished } from 'vitest'

type Opened = { how: 'started' | 'joined'; owner: ClientConfig; service: ClientConfig }
type User = { uid: number; gid: number }
type Where = { program?: string; node?: string; user?: User }

/** Another process that opens the embedded database. It is killed at the end of the test if it still runs. */
export function startService(dataDir: string, where: Where = {}) {
  const { program = fileURLToPath(new URL('open-and-wait.ts', import.meta.url)), node = process.execPath } = where
  const child = spawn(node, [program, dataDir], { detached: true, cwd: '/', ...where.user })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'close')

  return {
    /** Also its process group and session. */
    pid: child.pid ?? Number.NaN,
    said: () => said,
    async opened(): Promise<Opened> {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`the process ended without opening the database: ${said}`)
      // our own line, from open-and-wait.ts
      return JSON.parse(value) as Opened
    },
    async close(): Promise<void> {
      child.stdin.write('close\n')
      const [code] = await ended
      if (code !== 0) throw new Error(`the process ended with ${code}: ${said}`)
    },
    async kill(signal: NodeJS.Signals): Promise<void> {
      child.kill(signal)
      await ended
    },
    async ended(): Promise<void> {
      await ended
    },
  }
}
