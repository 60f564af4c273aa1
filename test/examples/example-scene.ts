import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { onTestFinished } from 'vitest'

import { type Block, readBlocks } from '../readme/read-blocks.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { checkout, makeWorkFolder, type Settings, storedBelow } from '../support/cli/run-command.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { programVariables } from '../support/service/program-variables.ts'

export type Store = 'local' | 's3'

/** A copy of an example as a newcomer has it: without what it installs, generates or writes. */
export type ExampleScene = {
  folder: string
  service: string
  /** The shell blocks of its README below this heading, in order. */
  blocks: (heading: string) => Block[]
  /** Runs lines in its folder and returns what they printed. */
  type: (lines: string, more?: Settings) => Promise<string>
  /** Starts lines that keep running, and returns once they have printed `until`. */
  start: (lines: string, until: RegExp, more?: Settings) => Promise<RegExpExecArray>
}

const notCopied = ['node_modules', 'api.d.ts', 'settings.json', '__pycache__']

/** Starts the service with the line of the example's README, with a database, a store and a port of its own. */
export async function openExample(name: string, store: Store): Promise<ExampleScene> {
  const work = await makeWorkFolder()
  const folder = join(work, 'examples', name)
  await cp(join(checkout, 'examples', name), folder, {
    recursive: true,
    filter: (path) => !notCopied.some((each) => path.includes(`/${each}`)),
  })
  await mkdir(join(work, 'docs'))
  await cp(join(checkout, 'docs/sample.pdf'), join(work, 'docs/sample.pdf'))
  const all = await readBlocks(join(folder, 'README.md'))
  const blocks = (heading: string) => all.filter((block) => block.heading === heading && block.language === 'sh')

  const environment = { ...programVariables(), HOME: work, PYTHONUNBUFFERED: '1', AWS_EC2_METADATA_DISABLED: 'true' }
  const [serviceLine] = blocks('Service')
  const settings = { ...(await databaseForTest()), ...storedBelow(work), ...(await storeSettings(store)), PORT: '0' }
  const [, service = ''] = await startLines(serviceLine?.text ?? '', /^Paniq Documents answers at (\S+)$/m, {
    cwd: checkout,
    env: { ...environment, ...settings },
  })
  const env = { ...environment, PANIQ_URL: service }
  return {
    folder,
    service,
    blocks,
    type: (lines, more = {}) => runLines(lines, { cwd: folder, env: { ...env, ...more } }),
    start: (lines, until, more = {}) => startLines(lines, until, { cwd: folder, env: { ...env, ...more } }),
  }
}

async function storeSettings(store: Store): Promise<Settings> {
  if (store === 'local') return {}
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  return s3Settings(bucket)
}

type Place = { cwd: string; env: Settings }

async function runLines(lines: string, place: Place): Promise<string> {
  const { printed, closed } = spawnShell(lines, place)
  const code = await closed
  if (code !== 0) throw new Error(`these lines ended with ${code}:\n${lines}\n${printed()}`)
  return printed()
}

async function startLines(lines: string, until: RegExp, place: Place): Promise<RegExpExecArray> {
  const { child, printed, closed } = spawnShell(lines, place)
  return await new Promise((resolve, reject) => {
    const look = () => {
      const found = until.exec(printed())
      if (found !== null) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    void closed.then((code) => reject(new Error(`these lines ended with ${code}:\n${lines}\n${printed()}`)))
  })
}

/** In a session of its own: its end ends its children and nothing else. */
function spawnShell(lines: string, { cwd, env }: Place) {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', lines], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => (text += more))
  const closed = once(child, 'close').then(([code]: (number | null)[]) => code)
  onTestFinished(async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    process.kill(-child.pid, 'SIGKILL')
    await closed
  })
  return { child, printed: () => text, closed }
}
