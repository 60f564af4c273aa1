import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Client, type ClientConfig } from 'pg'

import { ConfigError } from '../../config-error.ts'
import { port } from './choose-socket-folder.ts'
import { disownTakenPid } from './find-postmaster.ts'
import { listSettings } from './list-settings.ts'
import { openServerLog, readServerLog } from './open-server-log.ts'
import { runAs, type Runner } from './run-as.ts'
import { tryConnect } from './wait-until-answers.ts'

export type Server = { runner: Runner; cluster: string; socketFolder: string; logFile: string; superuser: ClientConfig }

type Running = { client: Client; how: 'started' | 'joined' }
type Child = { logFrom: number; ended: () => Error | number | undefined }

/** Each wait is longer than the one before, since a server in recovery logs every attempt. */
const firstWaitMilliseconds = 10
const longestWaitMilliseconds = 250
/** A server that was killed replays its log first, which may take a while; it keeps its progress when we give up. */
const patienceMilliseconds = 50_000

/** Connects to the server that runs, or starts one. To be called under the start lock. */
export async function joinOrStart(server: Server): Promise<Running> {
  const deadline = Date.now() + patienceMilliseconds
  let child: Child | undefined
  let wait = firstWaitMilliseconds
  while (Date.now() < deadline) {
    const answer = await tryConnect(server.superuser)
    if (answer instanceof Client) return { client: answer, how: child === undefined ? 'joined' : 'started' }
    if (child?.ended() !== undefined) child = await giveUp(server, child)
    else if (answer === 'absent') child ??= await start(server)
    await sleep(wait)
    wait = Math.min(wait * 1.2, longestWaitMilliseconds)
  }
  throw new ConfigError(
    `DATA_DIR: the embedded PostgreSQL is still busy starting, stopping or recovering; try again in a minute. Its log is ${server.logFile}.`,
  )
}

async function start({ runner, cluster, socketFolder, logFile }: Server): Promise<Child> {
  await disownTakenPid(dirname(logFile), cluster)
  // The socket's own lock would block the same way. It is not needed: the folder is this cluster's, whose file is asked first.
  await rm(`${socketFolder}/.s.PGSQL.${port}.lock`, { force: true })
  const log = await openServerLog(logFile, runner.account)
  const { size } = await log.stat()
  // A session of its own: Ctrl-C and a closed terminal must not reach it.
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

/** Returns when the folder has, or a moment ago had, a server that just does not answer: then the next round decides. */
async function giveUp(server: Server, { logFrom, ended }: Child): Promise<undefined> {
  const cause = ended()
  const said = cause instanceof Error ? cause.message : await readServerLog(server.logFile, logFrom)
  if (/lock file ".*" already exists|is still in use/.test(said)) return

  const reason = said.split('\n').find((line) => line.includes('FATAL')) ?? said.trim().split('\n').at(-1) ?? ''
  throw new ConfigError(
    `DATA_DIR: the embedded PostgreSQL did not start (${reason.replace(/^.*FATAL: +/, '')}); its log is ${server.logFile}.`,
    { cause },
  )
}
