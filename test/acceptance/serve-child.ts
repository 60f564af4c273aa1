import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { programVariables } from '../support/service/program-variables.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

const program = join(import.meta.dirname, '../../bin/paniq-docs')

export type Served = { url: string; stop: () => Promise<void> }

/** Starts the service like an operator, with only these settings, in a folder that is removed when it stops. */
export async function serveChild(settings: Record<string, string>): Promise<Served> {
  const folder = await makePassableFolder('paniq-acceptance-')
  const [port = 0] = await findFreePorts(1)
  const child = spawn(program, ['serve'], {
    cwd: folder,
    env: {
      ...programVariables(),
      HOME: folder,
      PORT: String(port),
      DATA_DIR: join(folder, 'data'),
      UPLOADS_DIR: join(folder, 'uploads'),
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said += text))
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`

  async function stop(): Promise<void> {
    const giveUp = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.kill('SIGTERM')
    await exited
    clearTimeout(giveUp)
    await stopLeftDatabase(join(folder, 'data'))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await untilItAnswers(url, () => child.exitCode === null)
  } catch {
    await stop()
    throw new Error(`the service did not come up: ${said}`)
  }
  return { url, stop }
}

async function untilItAnswers(url: string, isAlive: () => boolean): Promise<void> {
  for (let tries = 0; tries < 450 && isAlive(); tries += 1) {
    const isHealthy = await fetch(`${url}/healthz`).then(
      async (answer) => (await answer.text(), answer.ok),
      () => false,
    )
    if (isHealthy) return
    await sleep(100)
  }
  throw new Error('no answer')
}

/** A killed service leaves its database running. A stopped one has stopped it, and nothing is left to do. */
async function stopLeftDatabase(dataDir: string): Promise<void> {
  const names = await readdir(dataDir, { recursive: true }).catch(() => [])
  for (const name of names.filter((each) => each.endsWith('postmaster.pid'))) {
    const [pid] = (await readFile(join(dataDir, name), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGINT')
  }
}
