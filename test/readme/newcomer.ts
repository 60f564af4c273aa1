import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makePassableFolder } from '../support/run/passable-folder.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

export type Account = { uid: number; gid: number }

/** A person with a clone of the project and an empty home folder. They have no settings, and packages only on request. */
export type Newcomer = {
  folder: string
  /** Runs shell lines in the clone and returns what they printed. */
  type(lines: string, environment?: Record<string, string>): Promise<string>
  /** Starts shell lines that keep running; resolves once they have printed `until`. */
  start(lines: string, until: RegExp, environment?: Record<string, string>): Promise<{ printed: () => string }>
  leave(): Promise<void>
}

export async function createNewcomer(account: Account, { hasPackages }: { hasPackages: boolean }): Promise<Newcomer> {
  const parent = await makePassableFolder('paniq-newcomer-')
  const home = join(parent, 'home')
  const folder = join(parent, 'paniq-documents')
  await mkdir(home)
  await run('git', ['clone', '--quiet', '--no-hardlinks', root, folder])
  if (hasPackages) await linkPackages(account, folder)
  await run('chown', ['-R', `${account.uid}:${account.gid}`, parent])
  await chown(parent, account.uid, account.gid)

  const environment = { ...inherited(), HOME: home }
  const started: ChildProcess[] = []
  const startShell = (lines: string, extra: Record<string, string>) => {
    // A session of its own: ending it ends its children and nothing else.
    const child = spawn('bash', ['-euc', lines], {
      ...account,
      cwd: folder,
      env: { ...environment, ...extra },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    return child
  }

  return {
    folder,
    async type(lines, extra = {}) {
      const child = startShell(lines, extra)
      const printed = collect(child)
      const [code] = await once(child, 'close')
      if (code !== 0) throw new Error(`these lines ended with ${String(code)}:\n${lines}\n${printed()}`)
      return printed()
    },
    async start(lines, until, extra = {}) {
      const child = startShell(lines, extra)
      const printed = collect(child)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      child.on('close', (code) => reject(new Error(`these lines ended with ${String(code)}:\n${lines}\n${printed()}`)))
      for (const stream of [child.stdout, child.stderr]) stream.on('data', () => until.test(printed()) && resolve())
      await promise
      return { printed }
    },
    async leave() {
      await Promise.all(started.map(end))
      await rm(parent, { recursive: true, force: true })
    },
  }
}

/** Links the packages that `npm ci` would install. An account that may not read this folder gets a copy. */
async function linkPackages(account: Account, folder: string): Promise<void> {
  const [source, target] = [join(root, 'node_modules'), join(folder, 'node_modules')]
  const mayRead = await run('test', ['-r', join(source, 'pg', 'package.json')], account).then(
    () => true,
    () => false,
  )
  if (mayRead) await symlink(source, target)
  else await run('cp', ['--archive', source, target])
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const group = -child.pid
  const closed = once(child, 'close')
  process.kill(group, 'SIGTERM')
  const killTimer = setTimeout(() => process.kill(group, 'SIGKILL'), 20_000)
  await closed
  clearTimeout(killTimer)
}

function collect(child: ReturnType<typeof spawn>): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

/** The settings of this machine with which npm reaches the registry. */
export function registrySettings(): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(LANG|TZ|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|https?_proxy|no_proxy|AWS_EC2_METADATA_DISABLED)$/i.test(name),
  )
  return Object.fromEntries(passed) as Record<string, string>
}

/** The environment of a new login: a PATH without this project's programs, and the settings that reach the registry. */
function inherited(): Record<string, string> {
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .filter((each) => !each.includes('node_modules'))
    .join(':')
  return { ...registrySettings(), PATH: path }
}
