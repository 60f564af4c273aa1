import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { findFreePorts } from '../packages/free-ports.ts'
import { isExecutable, keepClusterFromStarting, type PackageNeed } from '../packages/install-packages.ts'
import { runProgram, startProgram, waitUntilReady, type Account } from '../packages/run-program.ts'
import type { PostgresAddress } from '../packages/service-addresses.ts'
import { ServiceFailure } from '../packages/service-failure.ts'
import { answersQueries } from './answer-queries.ts'

export const postgresNeed: PackageNeed = {
  service: 'PostgreSQL',
  packages: ['postgresql'],
  aboutMegabytes: 60,
  variables: ['DATABASE_URL'],
  missing: async () => ((await findPrograms()) ? [] : ['initdb', 'postgres']),
  prepare: keepClusterFromStarting,
}

type Started = { address: PostgresAddress; stop: () => Promise<void> }

/** A PostgreSQL for the tests with its data in `folder`. Its data need not survive a crash. */
export async function startPostgres(folder: string): Promise<Started> {
  return startServer(folder, [...settings, ...hasty])
}

/** The same, with every commit synced to disk. */
export async function startDurablePostgres(folder: string): Promise<Started> {
  return startServer(folder, settings)
}

async function startServer(folder: string, given: string[]): Promise<Started> {
  const programs = await findPrograms()
  if (!programs) throw new ServiceFailure('PostgreSQL is not installed.')
  const account = await postgresAccount()
  const [port] = await findFreePorts(1)
  const password = randomBytes(12).toString('hex')
  await mkdir(folder, { recursive: true })
  await makeData(programs, folder, { account, password })

  const server = startProgram({
    name: 'PostgreSQL',
    command: join(programs, 'postgres'),
    words: ['-D', join(folder, 'data'), '-p', String(port), ...given.flatMap((setting) => ['-c', setting])],
    logPath: join(folder, 'postgres.log'),
    account,
  })
  const adminUrl = `postgresql://admin:${password}@127.0.0.1:${port}/postgres`
  // The fastest shutdown; its data is not needed.
  const stop = () => server.stop('SIGQUIT')
  try {
    await waitUntilReady(server, 60, () => answersQueries(adminUrl))
  } catch (error) {
    await stop()
    throw error
  }
  return { address: { adminUrl }, stop }
}

const settings = [
  'listen_addresses=127.0.0.1',
  // The path of a socket in a deep folder would be too long for the system.
  'unix_socket_directories=',
  'max_connections=200',
  // Seals of the audit trail wait for every open transaction of the server: one left open by a failed test would stop all others.
  'idle_in_transaction_session_timeout=90s',
]

const hasty = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']

/** Debian installs the server's programs outside of PATH, in a folder for each version. The newest is used. */
async function findPrograms(): Promise<string | undefined> {
  const root = '/usr/lib/postgresql'
  const versions = (await readdir(root).catch(() => [])).toSorted((a, b) => Number(b) - Number(a))
  const fromPath = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '')
  for (const folder of [...versions.map((version) => join(root, version, 'bin')), ...fromPath]) {
    if ((await isExecutable(join(folder, 'initdb'))) && (await isExecutable(join(folder, 'postgres')))) return folder
  }
  return undefined
}

/** PostgreSQL does not run as root. Debian's package creates a user for it. */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const ids = await Promise.all(['-u', '-g'].map((which) => runProgram('id', [which, 'postgres'])))
  const [uid, gid] = ids.map(Number)
  if (!uid || !gid) throw new ServiceFailure('There is no account "postgres" for PostgreSQL to run as.')
  return { uid, gid }
}

async function makeData(
  programs: string,
  folder: string,
  { account, password }: { account: Account | undefined; password: string },
): Promise<void> {
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (account) {
    await chown(folder, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  await chmod(folder, 0o700)
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8']
  const login = ['--username=admin', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  const words = ['-D', join(folder, 'data'), '--no-sync', ...locale, ...login]
  await runProgram(join(programs, 'initdb'), words, { account, timeoutMs: 120_000 })
}
