import { realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Client, PoolConfig } from 'pg'
import type { Logger } from 'pino'

import {
  type Account,
  chooseAccount,
  isNobody,
  allowPassage,
  createDataDir,
  createSocketFolder,
  port,
} from './account.ts'
import { createRoles, database, initialiseCluster, ownerRole, serviceRole } from './initialise-cluster.ts'
import { findPrograms } from './programs.ts'
import { prepareRunner } from './run-program.ts'
import { joinOrStart, type Server } from './start-server.ts'
import { stopServer } from './postmaster.ts'
import { withStartLock } from './with-start-lock.ts'

export type EmbeddedPostgres = {
  /** Owns the database and what the migrations make in it. */
  owner: PoolConfig
  /** Owns nothing; what it may do is granted by the migrations. */
  service: PoolConfig
  how: 'started' | 'joined'
  /**
   * Stops the server unless somebody else uses it. Close your own pools first, or they count as somebody; a second
   * call does nothing.
   */
  close: () => Promise<void>
}

type Options = { dataDir: string; log: Logger }

/**
 * Opens the PostgreSQL server of a data folder: joins the one that runs, or starts it, or makes it first. Until
 * `close` it holds one connection, which tells other processes that the server is in use.
 */
export async function openEmbeddedPostgres({ dataDir: folder, log }: Options): Promise<EmbeddedPostgres> {
  await createDataDir(folder)
  // Two ways to the same folder must come to the same lock and socket.
  const dataDir = await realpath(folder)
  const place = { dataDir, cluster: join(dataDir, 'postgresql'), log }
  const account = await chooseAccount(dataDir, place.cluster)
  const open = async () => withStartLock(dataDir, async () => openServer({ ...place, account }))
  const { server, client, how } = await open()
  if (isNobody(account))
    log.warn(
      { event: 'embedded_database_as_nobody' },
      'PostgreSQL does not run as root: the embedded database runs as nobody, and whatever else runs so can reach its data. Run the service as a user of its own, who owns DATA_DIR',
    )
  log.info({ event: 'embedded_database_opened', how }, `The embedded database is ${how}`)
  const kept = maintainConnection(client, async () => (await open()).client, log)
  let closing: Promise<void> | undefined
  // The connection is released before the lock is taken: it may just be reopening, which takes the lock too.
  const closeOnce = async () => {
    const last = await kept.release()
    if (last !== undefined) await withStartLock(dataDir, async () => closeServer(server, last, log))
  }

  return {
    owner: poolConfig(server, ownerRole),
    service: poolConfig(server, serviceRole),
    how,
    close() {
      closing ??= closeOnce()
      return closing
    },
  }
}

type DataFolder = { dataDir: string; cluster: string; log: Logger }
type Opened = { server: Server; client: Client; how: 'started' | 'joined' }

async function openServer({ dataDir, cluster, account, log }: DataFolder & { account: Account }): Promise<Opened> {
  const programs = findPrograms()
  await allowPassage(account, dataDir)
  const socketFolder = await createSocketFolder(account, dataDir)
  const runner = await prepareRunner({ account, programs, dataDir, log })
  await initialiseCluster({ runner, major: programs.major, log }, cluster)

  const superuser = { host: socketFolder, port, user: 'postgres', database: 'postgres', ssl: false }
  const server = { runner, cluster, socketFolder, logFile: join(dataDir, 'postgresql.log'), superuser }
  const { client, how } = await joinOrStart(server)
  await createRoles(client, superuser)

  return { server, client, how }
}

async function closeServer(server: Server, client: Client, log: Logger): Promise<void> {
  if (!(await stopServer(client, server.cluster, log))) return
  log.info({ event: 'embedded_database_stopped' }, 'The embedded database is stopped')
  await rm(server.socketFolder, { recursive: true, force: true })
}

function poolConfig(server: Server, user: string): PoolConfig {
  return { host: server.socketFolder, port, user, database, ssl: false }
}

type MaintainedConnection = {
  /** Ends the keeping and hands over the connection; undefined when it is lost just then. */
  release(): Promise<Client | undefined>
}

const retryMilliseconds = 5000

/**
 * Keeps one connection, by which other processes see that the server is in use: a pool lets its own go when nothing
 * is asked for a while. When it is lost, the server has crashed or was stopped by hand, and `reopen` brings it back.
 */
function maintainConnection(first: Client, reopen: () => Promise<Client>, log: Logger): MaintainedConnection {
  const released = new AbortController()
  let kept: Client | undefined
  let reopening = Promise.resolve()
  watch(first)

  function watch(client: Client): void {
    kept = client
    client.once('end', () => {
      kept = undefined
      if (!released.signal.aborted) reopening = reopenUntilReleased()
    })
  }

  async function reopenUntilReleased(): Promise<void> {
    log.error({ event: 'embedded_database_lost' }, 'The embedded database went away; bringing it back')
    while (kept === undefined && !released.signal.aborted) {
      try {
        watch(await reopen())
      } catch (err) {
        log.error({ event: 'embedded_database_lost', err }, 'The embedded database does not come back; trying again')
        await sleep(retryMilliseconds, undefined, { signal: released.signal }).catch(() => undefined)
      }
    }
  }

  return {
    async release() {
      released.abort()
      await reopening
      return kept
    },
  }
}
