import { randomUUID } from 'node:crypto'
import { lchown, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { Client, type ClientConfig } from 'pg'
import type { Logger } from 'pino'

import { ConfigError, hasCode } from '../../errors/app-error.ts'
import { syncPath } from '../../files/file-system.ts'
import { runAs, type Runner } from './programs.ts'

type Needs = { runner: Runner; major: number; log: Logger }

/**
 * Creates the cluster if there is none. It is renamed to its final name when it is complete and synced. A killed start
 * leaves only a folder that the next start removes.
 */
export async function initialiseCluster(needs: Needs, cluster: string): Promise<void> {
  const parent = dirname(cluster)
  await removeLeftovers(parent, `${basename(cluster)}.new-`)
  const major = await readMajor(cluster)
  if (major !== undefined) return assertReadable(major, needs.major)

  const fresh = `${cluster}.new-${randomUUID()}`
  await mkdir(fresh, { mode: 0o700 })
  const { account } = needs.runner
  if (account.kind === 'other') await lchown(fresh, account.uid, account.gid)
  await runInitdb(needs.runner, fresh)
  await commitCluster(fresh, cluster)
  needs.log.info({ event: 'embedded_database_made' }, 'embedded database created')
}

async function commitCluster(fresh: string, cluster: string): Promise<void> {
  try {
    await rename(fresh, cluster)
  } catch (cause) {
    throw new ConfigError(
      `DATA_DIR: the embedded database needs the name ${cluster}, where something else is. Move that elsewhere.`,
      { cause },
    )
  }
  await syncPath(dirname(cluster))
}

async function readMajor(cluster: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(cluster, 'PG_VERSION'), 'utf8'), 10)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

function assertReadable(found: number, ours: number): void {
  if (found === ours) return
  throw new ConfigError(
    `DATA_DIR: PostgreSQL ${found} created its database, and this version's PostgreSQL ${ours} cannot read it. ` +
      'Run "paniq-docs backup create DIR" with the version that created it, then "paniq-docs backup restore DIR" with this version and another DATA_DIR.',
  )
}

async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  const leftovers = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  for (const name of leftovers) {
    try {
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 })
    } catch (error) {
      // The initdb of a killed start may still write there. It does no harm, and the next start removes it.
      if (!hasCode(error, 'ENOTEMPTY')) throw error
    }
  }
}

async function runInitdb(runner: Runner, folder: string): Promise<void> {
  const child = runAs(
    runner,
    'initdb',
    [
      `--pgdata=${folder}`,
      '--username=postgres',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--auth-local=trust',
      '--auth-host=reject',
      '--no-instructions',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))

  const ended = await new Promise<Error | number | null>((resolve) =>
    child.once('error', resolve).once('close', resolve),
  )
  if (ended === 0) return
  const reason = ended instanceof Error ? ended.message : findErrorLine(output) || `initdb ended with ${ended}`
  throw new ConfigError(
    `DATABASE_URL is not set, and the embedded PostgreSQL could not create its database (${reason}). Set DATABASE_URL to use another.`,
    { cause: new Error(output) },
  )
}

/** Not every failure has `error:`: in some containers the user has no name, for example. */
function findErrorLine(output: string): string | undefined {
  const lines = output.trim().split('\n')
  return lines.find((line) => line.includes('error:')) ?? lines.at(-1)
}

export const database = 'paniq'
export const ownerRole = 'paniq_owner'
export const serviceRole = 'paniq_service'

/** Creates the two roles and the database if they are missing. The next start completes a killed one. */
export async function createRoles(superuser: Client, config: ClientConfig): Promise<void> {
  if (await isComplete(superuser)) return

  for (const role of [ownerRole, serviceRole])
    if (!(await exists(superuser, 'SELECT 1 FROM pg_roles WHERE rolname = $1', role))) await createRole(superuser, role)
  if (!(await exists(superuser, 'SELECT 1 FROM pg_database WHERE datname = $1', database)))
    await superuser.query(`CREATE DATABASE ${database} OWNER ${ownerRole}`)
  await grantUsage(config)

  // Last: it marks the set-up as complete.
  await superuser.query(`
    REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
    REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE ${database} TO ${serviceRole}`)
}

async function isComplete(superuser: Client): Promise<boolean> {
  return exists(superuser, 'SELECT 1 FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL', database)
}

async function exists(client: Client, query: string, name: string): Promise<boolean> {
  const { rowCount } = await client.query(query, [name])
  return rowCount === 1
}

async function createRole(superuser: Client, role: string): Promise<void> {
  // The client gets every failed statement and knows what it may log. The server's log would show personal data.
  // One string is one transaction.
  await superuser.query(`
    CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    ALTER ROLE ${role} SET log_min_messages = log`)
}

async function grantUsage(config: ClientConfig): Promise<void> {
  const client = new Client({ ...config, database })
  await client.connect()
  try {
    await client.query(`
      REVOKE ALL ON SCHEMA public FROM PUBLIC;
      GRANT USAGE ON SCHEMA public TO ${serviceRole}`)
  } finally {
    await client.end()
  }
}
