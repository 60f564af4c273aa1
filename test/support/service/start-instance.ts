import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { programVariables } from './program-variables.ts'

/** One service as an operator runs it, with its own folders that outlive its processes. */
export type Instance = {
  name: string
  folder: string
  uploadsDir: string
  dataDir: string
  /** Its address, also after a kill; undefined before its first start. */
  url: () => string | undefined
  isUp: () => boolean
  /** Of its newest process. */
  pid: () => number | undefined
  /** Resolves when it answers, or was killed before. Throws if it ended by itself. */
  start(): Promise<void>
  /** kill −9, if it runs. */
  kill(): Promise<boolean>
  /** Another command on the same folders; `env`: its own settings. */
  run(words: string[], env?: Record<string, string>): ChildProcess
  /** Stops it like an operator; returns its exit code. Throws if it does not end. */
  stop(): Promise<number | null>
}

export type InstanceSettings = {
  name: string
  folder: string
  /** The checkout whose service is started. */
  root: string
  /** `UPLOADS_DIR` for a shared disk; `PORT` if it must return at the same address. */
  env: Record<string, string>
  /** The number of cuts of the connection to the database so far. */
  databaseCuts?: () => number
  /** Called when a process ended without a kill. */
  onEndByItself: (why: string) => void
}

const maxSecondsToStop = 90

export async function makeInstance(settings: InstanceSettings): Promise<Instance> {
  const { name, folder, env, databaseCuts = () => 0 } = settings
  const [uploadsDir, dataDir] = [env['UPLOADS_DIR'] ?? join(folder, 'uploads'), join(folder, 'data')]
  await mkdir(folder)
  const folders = { UPLOADS_DIR: uploadsDir, DATA_DIR: dataDir }
  let child: ChildProcess | undefined
  let url: string | undefined
  let isAnswering = false
  const wanted = new WeakSet<ChildProcess>()

  async function end(signal: NodeJS.Signals): Promise<ChildProcess | undefined> {
    const ending = child
    if (ending === undefined || hasEnded(ending)) return undefined
    wanted.add(ending)
    const exited = once(ending, 'exit')
    ending.kill(signal)
    await exited
    return ending
  }

  /**
   * `again`: its start lost the database connection, logged that and ended, as it should. A supervisor starts it again.
   */
  async function untilClosed(started: ChildProcess, said: string[], cutsBefore: number): Promise<'again' | 'ended'> {
    // Not `exit`: only at `close` is all its output read, whose last lines have the reason.
    await once(started, 'close')
    const hasAnswered = child === started && isAnswering
    if (child === started) isAnswering = false
    if (wanted.has(started)) return 'ended'
    const lostDatabase = said.some((line) => line.startsWith('The database ('))
    if (!hasAnswered && lostDatabase && databaseCuts() > cutsBefore) return 'again'
    settings.onEndByItself(`${name} ended by itself: ${said.slice(-5).join(' ')}`)
    return 'ended'
  }

  async function start(): Promise<void> {
    const cutsBefore = databaseCuts()
    const started = launch(settings, ['serve'], { folders, output: 'log' })
    child = started
    const said: string[] = []
    const closed = untilClosed(started, said, cutsBefore)
    const outcome = await Promise.race([listenFor(/answers at (http:\S+)/, started.stderr, said), closed])
    if (outcome === 'again') return start()
    if (outcome === 'ended' || hasEnded(started)) return
    url = outcome
    isAnswering = true
  }

  return {
    name,
    folder,
    uploadsDir,
    dataDir,
    url: () => url,
    isUp: () => isAnswering,
    pid: () => child?.pid,
    start,
    run: (words, own = {}) => launch({ ...settings, env: { ...env, ...own } }, words, { folders, output: 'pipe' }),
    async kill() {
      isAnswering = false
      return (await end('SIGKILL')) !== undefined
    },
    async stop() {
      isAnswering = false
      const ending = child
      const force = setTimeout(() => ending?.kill('SIGKILL'), maxSecondsToStop * 1000)
      await end('SIGTERM')
      clearTimeout(force)
      if (ending?.signalCode === 'SIGKILL') throw new Error(`${name} did not end within ${maxSecondsToStop} s`)
      return ending?.exitCode ?? null
    },
  }
}

type Launch = { folders: Record<string, string>; output: 'log' | 'pipe' }

function launch({ root, folder, env }: InstanceSettings, words: string[], { folders, output }: Launch): ChildProcess {
  const log = openSync(join(folder, 'log'), 'a')
  try {
    return spawn(join(root, 'bin/paniq-docs'), words, {
      cwd: folder,
      env: { ...programVariables(), HOME: folder, PORT: '0', ...env, ...folders },
      stdio: ['ignore', output === 'log' ? log : 'pipe', 'pipe'],
      // A separate session, so that Ctrl-C reaches the parent and not this process.
      detached: true,
    })
  } finally {
    closeSync(log)
  }
}

/** Resolves when the address is printed; never if the output ends without one. Later output is still read. */
function listenFor(pattern: RegExp, output: Readable | null, said: string[]): Promise<string> {
  return new Promise((resolve) => {
    if (output === null) return
    createInterface(output).on('line', (line) => {
      said.push(line)
      const address = pattern.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
