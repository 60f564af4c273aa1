import { realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Client, PoolConfig } from 'pg'
import type { Logger } from 'pino'

import {
  type Account,
  allowPassage,
  chooseAccount,
  createDataDir,
  createSocketFolder,
  isNobody,
  linkCluster,
  locateCluster,
  port,
} from './system-account.ts'
import { createRoles, database, initialiseCluster, ownerRole, serviceRole } from './initialise-cluster.ts'
import { findPrograms, prepareRunner } from './programs.ts'
import { joinOrStart, type Server } from './start-server.ts'
import { stopServer } from './postmaster.ts'
import { withStartLock } from './with-start-lock.ts'

export type EmbeddedPostgres = {
  /** Owns the database and everything that the migrations create in it. */
  owner: PoolConfig
  /** Owns nothing; the migrations grant its permissions. */
  service: PoolConfig
  how: 'started' | 'joined'
  /**
   * Stops the server unless another process uses it. Close your own pools first, or they count as another process. A
   * second call does nothing.
   */
  close: () => Promise<void>
}

type Options = { dataDir: string; log: Logger }

/**
 * Opens the PostgreSQL server of a data folder: connects to the running server, or starts it, and creates the cluster
 * if there is none. Until `close` one connection stays open: it shows other processes that the server is in use.
 */
export async function openEmbeddedPostgres({ dataDir: folder, log }: Options): Promise<EmbeddedPostgres> {
  await createDataDir(folder)
  // Two paths to the same folder must lead to the same lock and socket.
  const dataDir = await realpath(folder)
  const account = await chooseAccount(dataDir)
  const open = async () => withStartLock(dataDir, async () => openServer({ dataDir, account, log }))
  const { server, client, how } = await open()
  if (isNobody(account))
    log.warn(
      { event: 'embedded_database_as_nobody' },
      'the embedded database runs as nobody, because PostgreSQL does not run as root. Other programs that run as nobody can read its data. Run the service as a user of its own that owns DATA_DIR',
    )
  log.info({ event: 'embedded_database_opened', how }, `embedded database ${how}`)
  const kept = maintainConnection(client, async () => (await open()).client, log)
  let closing: Promise<void> | undefined
  // The connection is released before the lock is taken: reopening it takes the lock too.
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

type DataFolder = { dataDir: string; account: Account; log: Logger }
type Opened = { server: Server; client: Client; how: 'started' | 'joined' }

async function openServer({ dataDir, account, log }: DataFolder): Promise<Opened> {
  const programs = findPrograms()
  await allowPassage(account, dataDir)
  const socketFolder = await createSocketFolder(account, dataDir)
  const runner = await prepareRunner({ account, programs, dataDir, log })
  const cluster = await locateCluster(account, dataDir)
  await initialiseCluster({ runner, major: programs.major, log }, cluster)
  await linkCluster(dataDir, cluster, log)

  const superuser = { host: socketFolder, port, user: 'postgres', database: 'postgres', ssl: false }
  const server = { runner, cluster, socketFolder, logFile: join(dataDir, 'postgresql.log'), superuser }
  const { client, how } = await joinOrStart(server)
  await createRoles(client, superuser)

  return { server, client, how }
}

async function closeServer(server: Server, client: Client, log: Logger): Promise<void> {
  if (!(await stopServer(client, server.cluster, log))) return
  log.info({ event: 'embedded_database_stopped' }, 'embedded database stopped')
  await rm(server.socketFolder, { recursive: true, force: true })
}

function poolConfig(server: Server, user: string): PoolConfig {
  return { host: server.socketFolder, port, user, database, ssl: false }
}

type MaintainedConnection = {
  /** Stops reconnecting and returns the connection; undefined if it is lost at that moment. */
  release(): Promise<Client | undefined>
}

const retryMs = 5000

/**
 * Keeps one connection open, so that other processes see that the server is in use: a pool closes idle connections. A
 * lost connection means that the server crashed or was stopped by hand, and `reopen` starts it again.
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
    log.error({ event: 'embedded_database_lost' }, 'embedded database lost, reopening')
    while (kept === undefined && !released.signal.aborted) {
      try {
        watch(await reopen())
      } catch (err) {
        log.error({ event: 'embedded_database_lost', err }, 'embedded database not reopened, trying again')
        await sleep(retryMs, undefined, { signal: released.signal }).catch(() => undefined)
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
