import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { expect, onTestFinished } from 'vitest'

import { programVariables } from '../../support/service/program-variables.ts'

const script = fileURLToPath(new URL('../../shutdown/serve-impatiently.ts', import.meta.url))

/** The service in its own process, until the end of the test. `kill`: as `kill -9`. */
export async function startProcess(folder: string, settings: Record<string, string>) {
  const child = spawn(process.execPath, [script], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...programVariables(), PORT: '0', ...settings },
  })
  const ended = once(child, 'close')
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk))
  await expect.poll(() => printed).toMatch(/Try next/)
  const [, url = ''] = /answers at (\S+)$/m.exec(printed) ?? []
  return { url, kill }
}
