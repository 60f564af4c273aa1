import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { Client, type ClientConfig } from 'pg'

import { ConfigError } from '../../config.ts'
import { port } from './choose-socket-folder.ts'
import { removeStalePid } from './find-postmaster.ts'
import { runAs, type Runner } from './run-as.ts'
import { tryConnect } from './wait-until-answers.ts'

export type Server = { runner: Runner; cluster: string; socketFolder: string; logFile: string; superuser: ClientConfig }

type Running = { client: Client; how: 'started' | 'joined' }

const pollMilliseconds = 20
/** A server that was killed replays its log first, which may take a while; it keeps its progress when we give up. */
const patienceMilliseconds = 50_000
const mostLogBytes = 10 * 1024 * 1024

/** Connects to the server that runs, or starts one. To be called under the start lock. */
export async function joinOrStart(server: Server): Promise<Running> {
  const deadline = Date.now() + patienceMilliseconds
  for (;;) {
    const answer = await tryConnect(server.superuser)
    if (answer instanceof Client) return { client: answer, how: 'joined' }
    if (answer === 'absent') {
      const client = await start(server, deadline)
      if (client !== undefined) return { client, how: 'started' }
    }
    if (Date.now() > deadline) throw notYet(server)
    await sleep(pollMilliseconds)
  }
}

/** Undefined: another server has the folder, or had it a moment ago and is not quite gone. */
async function start(server: Server, deadline: number): Promise<Client | undefined> {
  await removeStalePid(server.cluster)
  const log = await open(
    server.logFile,
    constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
    0o600,
  )
  try {
    const { size } = await log.stat()
    if (size > mostLogBytes) await log.truncate(0)
    const logFrom = size > mostLogBytes ? 0 : size

    // A session of its own: Ctrl-C and a closed terminal must not reach it.
    const child = runAs(server.runner, 'postgres', settings(server), {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    child.unref()
    let ended: Error | number | undefined
    child.once('error', (error) => (ended = error)).once('exit', (code) => (ended = code ?? 1))

    for (;;) {
      const answer = await tryConnect(server.superuser)
      if (answer instanceof Client) return answer
      if (ended !== undefined) return await explainEnd(server, logFrom, ended)
      if (Date.now() > deadline) throw notYet(server)
      await sleep(pollMilliseconds)
    }
  } finally {
    await log.close()
  }
}

async function explainEnd(server: Server, logFrom: number, ended: Error | number): Promise<undefined> {
  const said = ended instanceof Error ? ended.message : (await readFile(server.logFile)).subarray(logFrom).toString()
  if (/lock file ".*" already exists|is still in use/.test(said)) return undefined
  const reason = said.split('\n').find((line) => line.includes('FATAL')) ?? said.trim().split('\n').at(-1) ?? ''
  throw new ConfigError(
    `DATA_DIR: the embedded PostgreSQL did not start (${reason.replace(/^.*FATAL: +/, '')}); its log is ${server.logFile}.`,
    { cause: ended },
  )
}

function notYet(server: Server): ConfigError {
  return new ConfigError(
    `DATA_DIR: the embedded PostgreSQL is still busy starting, stopping or recovering; try again in a minute. Its log is ${server.logFile}.`,
  )
}

function settings(server: Server): string[] {
  const values = {
    listen_addresses: '',
    unix_socket_directories: server.socketFolder,
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
    // Failed statements are told to the client, which knows what may be logged of them; here they would show people's data.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  }
  return ['-D', server.cluster, ...Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}
