import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

export type Account = { uid: number; gid: number }

/** Somebody with a clone of the project, an empty home and nothing else: no settings, and packages only if they are given. */
export type Newcomer = {
  folder: string
  /** Runs shell lines in the clone, as they would type them, and gives back what was printed. */
  type(lines: string, environment?: Record<string, string>): Promise<string>
  /** Starts shell lines that do not end by themselves; resolves once they have printed `until`. */
  start(lines: string, until: RegExp, environment?: Record<string, string>): Promise<{ printed: () => string }>
  leave(): Promise<void>
}

export async function newcomer(account: Account, { hasPackages }: { hasPackages: boolean }): Promise<Newcomer> {
  const place = await mkdtemp(join(tmpdir(), 'paniq-newcomer-'))
  const home = join(place, 'home')
  const folder = join(place, 'paniq-documents')
  await mkdir(home)
  await run('git', ['clone', '--quiet', '--no-hardlinks', root, folder])
  if (hasPackages) await givePackages(account, folder)
  await run('chown', ['-R', `${account.uid}:${account.gid}`, place])
  await chown(place, account.uid, account.gid)

  const environment = { ...inherited(), HOME: home }
  const begun: ChildProcess[] = []
  const begin = (lines: string, extra: Record<string, string>) => {
    // A session of its own, so that ending it ends what it started and nothing else.
    const child = spawn('bash', ['-euc', lines], {
      ...account,
      cwd: folder,
      env: { ...environment, ...extra },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    begun.push(child)
    return child
  }

  return {
    folder,
    async type(lines, extra = {}) {
      const child = begin(lines, extra)
      const printed = collect(child)
      const [code] = await once(child, 'close')
      if (code !== 0) throw new Error(`these lines ended with ${String(code)}:\n${lines}\n${printed()}`)
      return printed()
    },
    async start(lines, until, extra = {}) {
      const child = begin(lines, extra)
      const printed = collect(child)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      child.on('close', (code) => reject(new Error(`these lines ended with ${String(code)}:\n${lines}\n${printed()}`)))
      for (const stream of [child.stdout, child.stderr]) stream.on('data', () => until.test(printed()) && resolve())
      await promise
      return { printed }
    },
    async leave() {
      await Promise.all(begun.map(end))
      await rm(place, { recursive: true, force: true })
    },
  }
}

/** What `npm ci` would install. An account that may not enter our folder gets a copy. */
async function givePackages(account: Account, folder: string): Promise<void> {
  const [ours, theirs] = [join(root, 'node_modules'), join(folder, 'node_modules')]
  const mayRead = await run('test', ['-r', join(ours, 'pg', 'package.json')], account).then(
    () => true,
    () => false,
  )
  if (mayRead) await symlink(ours, theirs)
  else await run('cp', ['--archive', ours, theirs])
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const group = -child.pid
  const closed = once(child, 'close')
  process.kill(group, 'SIGTERM')
  const stubborn = setTimeout(() => process.kill(group, 'SIGKILL'), 20_000)
  await closed
  clearTimeout(stubborn)
}

function collect(child: ReturnType<typeof spawn>): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

/** What a machine gives everybody: a path without this project's programs, and how the registry is reached. */
function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(LANG|TZ|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|https?_proxy|no_proxy|AWS_EC2_METADATA_DISABLED)$/i.test(name),
  )
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .filter((each) => !each.includes('node_modules'))
    .join(':')
  return { ...(Object.fromEntries(kept) as Record<string, string>), PATH: path }
}
