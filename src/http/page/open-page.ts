import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import type { Logger } from 'pino'

import { type PageFiles, readPageFiles } from './page-files.ts'

/** `absent`: the page is not built and is not being built; the API works without it. */
export type Page = {
  state: () => 'building' | 'ready' | 'absent'
  /** Undefined unless ready. */
  files: () => PageFiles | undefined
  /** Resolves when the page is ready or absent. */
  settled: Promise<void>
  close: () => void
}

export const noPage: Page = {
  state: () => 'absent',
  files: () => undefined,
  settled: Promise.resolve(),
  close: () => undefined,
}

const projectFolder = join(import.meta.dirname, '../../..')

/**
 * Opens the web page: at once where it is built, otherwise after a build in another process, which needs the packages of
 * `npm ci`. The API never waits for it.
 */
export function openPage(log: Logger, folder = projectFolder): Page {
  const stop = new AbortController()
  let state: ReturnType<Page['state']> = 'building'
  let files: PageFiles | undefined

  const settle = async () => {
    try {
      files = await readPageFiles(await findBuild(folder, stop.signal))
      state = 'ready'
      log.info({ event: 'page_ready' }, 'web page ready')
    } catch (error) {
      state = 'absent'
      if (stop.signal.aborted) return
      log.error(
        { event: 'page_build_failed', err: error },
        'web page not built, the api works without it: run npm ci && npm run build:web',
      )
    }
  }
  return { state: () => state, files: () => files, settled: settle(), close: () => stop.abort() }
}

/** The folder with the built files. An installation without the sources of the page has exactly one. */
async function findBuild(folder: string, signal: AbortSignal): Promise<string> {
  const builder = join(folder, 'web/build/build-page.ts')
  if (existsSync(builder)) return runBuilder(builder, signal)
  const builds = join(folder, 'dist/page')
  const [name] = await readdir(builds)
  if (name === undefined) throw new Error(`${builds} is empty`)
  return join(builds, name)
}

async function runBuilder(builder: string, signal: AbortSignal): Promise<string> {
  // The packages of the build get no secret of the service.
  const env = { PATH: process.env['PATH'] }
  const child = spawn(process.execPath, [builder], { env, stdio: ['ignore', 'pipe', 'pipe'], signal })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (code !== 0) throw new Error(firstLine(stderr))
  return stdout.trim().split('\n').at(-1) ?? ''
}

/** The message of an error that ended the process. */
function firstLine(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim())
  return lines.find((line) => /error/i.test(line)) ?? lines.find((line) => line !== '') ?? 'it ended without a message'
}
