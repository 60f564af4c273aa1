import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { Client, type ClientConfig } from 'pg'

import { ConfigError, hasCode } from '../../errors/app-error.ts'
import { type Account, port } from './system-account.ts'
import { replaceReusedPid } from './postmaster.ts'
import { runAs, type Runner } from './programs.ts'

export type Server = { runner: Runner; cluster: string; socketFolder: string; logFile: string; superuser: ClientConfig }

type Running = { client: Client; how: 'started' | 'joined' }
type Child = { logFrom: number; ended: () => Error | number | undefined }

/** Each wait is longer than the one before: a server in recovery logs every attempt. */
const firstWaitMs = 10
const maxWaitMs = 250
/** A killed server replays its log first. It keeps its progress when we stop waiting. */
const startTimeoutMs = 50_000

/** Connects to the running server, or starts one. Call it under the start lock. */
export async function joinOrStart(server: Server): Promise<Running> {
  const deadline = Date.now() + startTimeoutMs
  let child: Child | undefined
  let wait = firstWaitMs
  while (Date.now() < deadline) {
    const answer = await tryConnect(server.superuser)
    if (answer instanceof Client) return { client: answer, how: child === undefined ? 'joined' : 'started' }
    if (child?.ended() !== undefined) child = await handleFailedStart(server, child)
    else if (answer === 'absent') child ??= await start(server)
    await sleep(wait)
    wait = Math.min(wait * 1.2, maxWaitMs)
  }
  throw new ConfigError(
    `DATA_DIR: the embedded PostgreSQL is still starting, stopping or recovering. Try again in a minute. Its log is ${server.logFile}.`,
  )
}

async function start({ runner, cluster, socketFolder, logFile }: Server): Promise<Child> {
  await replaceReusedPid(cluster)
  // A stale lock of the socket would block the start too. It is not needed: only this cluster uses the folder.
  await rm(`${socketFolder}/.s.PGSQL.${port}.lock`, { force: true })
  const log = await openServerLog(logFile, runner.account)
  const { size } = await log.stat()
  // A session of its own, so that Ctrl-C and a closed terminal do not reach it.
  const child = runAs(runner, 'postgres', ['-D', cluster, ...listSettings(socketFolder)], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.unref()
  let ended: Error | number | undefined
  child.once('error', (error) => (ended = error)).once('exit', (code) => (ended = code ?? 1))
  await log.close()

  return { logFrom: size, ended: () => ended }
}

/** Returns if another server uses the folder, or did a moment ago: the next round decides. */
async function handleFailedStart(server: Server, { logFrom, ended }: Child): Promise<undefined> {
  const cause = ended()
  const output = cause instanceof Error ? cause.message : await readServerLog(server.logFile, logFrom)
  if (/lock file ".*" already exists|is still in use/.test(output)) return

  const reason = output.split('\n').find((line) => line.includes('FATAL')) ?? output.trim().split('\n').at(-1) ?? ''
  throw new ConfigError(
    `DATA_DIR: the embedded PostgreSQL did not start (${reason.replace(/^.*FATAL: +/, '')}). Its log is ${server.logFile}.`,
    { cause },
  )
}

const connectTimeoutMs = 5000

export type Answer = Client | 'not_yet' | 'absent'

/** Connects. `not_yet`: the server is starting or stopping; `absent`: no server listens. */
export async function tryConnect(config: ClientConfig): Promise<Answer> {
  const client = new Client({ ...config, connectionTimeoutMillis: connectTimeoutMs })
  // A lost connection rejects and emits this event, which would end the process without a listener.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    // After a failed attempt there may be no connection to end.
    void client.end().catch(() => undefined)
    if (hasCode(error, 'ENOENT', 'ECONNREFUSED')) return 'absent'
    if (isTransient(error)) return 'not_yet'
    throw error
  }
}

/** 57P03: the server starts, stops or recovers. The others: it stopped while we connected. */
function isTransient(error: unknown): boolean {
  if (hasCode(error, '57P03', '57P01', 'ECONNRESET', 'EPIPE')) return true
  // The driver has no code for these two errors.
  return error instanceof Error && /terminated unexpectedly|timeout expired/.test(error.message)
}

/** Given at each start, so that a later version of the service can change them. */
function listSettings(socketFolder: string): string[] {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socketFolder,
    port,
    cluster_name: 'paniq-documents',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    max_connections: 60,
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    io_method: 'sync',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

const maxLogBytes = 10 * 1024 * 1024

/** Opens the file for the server's output, and truncates it if it is too large. */
async function openServerLog(file: string, account: Account): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants
  const log = await open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
  if (account.kind === 'other') await log.chown(account.uid, account.gid)
  const { size } = await log.stat()
  if (size > maxLogBytes) await log.truncate(0)

  return log
}

/** The log from this byte on. */
async function readServerLog(file: string, from: number): Promise<string> {
  return (await readFile(file)).subarray(from).toString()
}
