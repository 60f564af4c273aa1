import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { onTestFinished } from 'vitest'

import { type Answer, checkout, launcher, makeWorkFolder, type Settings } from '../support/cli/run-command.ts'
import { programVariables } from '../support/service/program-variables.ts'

export type ServiceOnSmallDisk = {
  url: string
  /** Its `UPLOADS_DIR` as the service sees it. Outside of its namespace this path is another folder. */
  uploads: string
  /** Runs a shell command in the mount namespace of the service's disk. */
  onDisk(line: string): Promise<string>
}

type SmallFolder = 'UPLOADS_DIR' | 'DATA_DIR'

/** A command whose `UPLOADS_DIR` is a file system of this size. Its files are gone afterwards. */
export async function runOnSmallDisk(bytes: number, words: string[], settings: Settings): Promise<Answer> {
  const { child } = await spawnOnSmallDisk(bytes, words, settings)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}

/**
 * The real service with `UPLOADS_DIR` or `DATA_DIR` on a file system of this size, in its own mount namespace, so that
 * only the permission to create one is needed.
 */
export async function serveOnSmallDisk(
  bytes: number,
  settings: Settings,
  small: SmallFolder = 'UPLOADS_DIR',
): Promise<ServiceOnSmallDisk> {
  const { child, uploads } = await spawnOnSmallDisk(bytes, ['serve', '--no-jobs'], settings, small)
  child.stdout.resume()
  return { url: await listenFor(child), uploads, onDisk: (line) => runBeside(child, line, uploads) }
}

async function spawnOnSmallDisk(
  bytes: number,
  words: string[],
  settings: Settings,
  small: SmallFolder = 'UPLOADS_DIR',
) {
  const folder = await makeWorkFolder()
  const [uploads, data] = [join(folder, 'uploads'), join(folder, 'data')]
  await mkdir(uploads)
  await mkdir(data)
  const mounting = `mount -t tmpfs -o size=${bytes},mode=700 tmpfs "$${small}" && exec "$0" "$@"`
  const child = spawn('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', mounting, launcher, ...words], {
    cwd: folder,
    env: {
      ...programVariables(),
      HOME: folder,
      PORT: '0',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...settings,
      UPLOADS_DIR: uploads,
      DATA_DIR: data,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return { child, uploads }
}

async function listenFor({ stderr }: { stderr: Readable }): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface(stderr)) {
    said.push(line)
    const address = /answers at (http:\S+)/.exec(line)?.[1]
    if (address === undefined) continue
    stderr.resume()
    return address
  }
  throw new Error(`the service did not start on a small disk: ${said.join('\n')}`)
}

async function runBeside({ pid }: ChildProcess, line: string, uploads: string): Promise<string> {
  const words = ['--target', String(pid), '--user', '--mount', '--preserve-credentials', 'sh', '-c', line, uploads]
  const child = spawn('nsenter', words, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${line} failed beside the service: ${said}`)
  return said
}
