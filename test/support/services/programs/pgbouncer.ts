import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findFreePorts } from '../packages/free-ports.ts'
import { ensureInstalled, findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { answersQueries } from './answer-queries.ts'
import { postgresAccount } from './postgres.ts'
import { startProgram, waitUntilReady } from '../packages/run-program.ts'
import { ServiceFailure } from '../packages/service-failure.ts'

const pgbouncerNeed: PackageNeed = {
  service: 'a pooler (PgBouncer)',
  packages: ['pgbouncer'],
  aboutMegabytes: 1,
  variables: [],
  missing: async () => ((await findPgBouncer()) ? [] : ['pgbouncer']),
}

export type RunningPgBouncer = {
  /** The same address through the pooler. */
  pooled: (url: string) => string
  stop: () => Promise<void>
}

type PgBouncerOptions = {
  /** Addresses of one server whose users may connect through it. */
  urls: string[]
  settings?: Record<string, string>
}

/** Debian's PgBouncer with transaction pooling in front of a server, installed if necessary. */
export async function startPgBouncer({ urls, settings = {} }: PgBouncerOptions): Promise<RunningPgBouncer> {
  await ensureInstalled([pgbouncerNeed])
  const command = await findPgBouncer()
  if (command === undefined) throw new ServiceFailure('PgBouncer is not installed.')
  const [port = 0] = await findFreePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'paniq-pgbouncer-'))
  const account = await postgresAccount()
  const addresses = urls.map((url) => new URL(url))
  await writeSettings(folder, { port, addresses, settings, owner: account })
  const server = startProgram({
    name: 'PgBouncer',
    command,
    words: [join(folder, 'pgbouncer.ini')],
    logPath: join(folder, 'pgbouncer.out'),
    account,
  })
  const stop = async () => {
    // The fastest shutdown; its data is not needed.
    await server.stop('SIGQUIT')
    await rm(folder, { recursive: true })
  }
  const pooled = (url: string) => Object.assign(new URL(url), { port: String(port) }).href
  try {
    await waitUntilReady(server, 30, () => answersQueries(pooled(urls[0] ?? '')))
  } catch (error) {
    await stop()
    throw error
  }
  return { pooled, stop }
}

type Written = {
  port: number
  addresses: URL[]
  settings: Record<string, string>
  owner: { uid: number; gid: number } | undefined
}

async function writeSettings(folder: string, { port, addresses, settings, owner }: Written): Promise<void> {
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    // Fewer than the service opens, so that its connections share sessions of the server.
    default_pool_size: '4',
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  const server = `* = host=127.0.0.1 port=${addresses[0]?.port}`
  const files = {
    'pgbouncer.ini': ['[databases]', server, '[pgbouncer]', ...lines, ''].join('\n'),
    'users.txt': addresses.map(({ username, password }) => `"${username}" "${password}"\n`).join(''),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  if (owner === undefined) return
  for (const path of [folder, ...Object.keys(files).map((name) => join(folder, name))])
    await chown(path, owner.uid, owner.gid)
}

function findPgBouncer(): Promise<string | undefined> {
  // Debian installs it in a folder that is only in root's PATH.
  return findProgram('pgbouncer', ['/usr/sbin'])
}
