import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'

import { openDatabase } from '../../../src/database/connection/client.ts'
import { openProcessLock, type ProcessLock } from '../../../src/database/connection/process-lock.ts'
import { type FaultProxy, startFaultProxy } from '../../support/service/fault-proxy.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const { db } = openDatabase({ connectionString: database.url }, pino({ level: 'silent' }))
  closing.defer(() => db.destroy())
  return { db, url: database.url }
})

async function isDead({ processId }: Pick<ProcessLock, 'processId'>): Promise<boolean | undefined> {
  const { rows } = await sql<{ isDead: boolean }>`
    select document_process_is_dead(${processId}::uuid) as "isDead"`.execute(scene.db)
  return rows[0]?.isDead
}

/** The lock of a process whose connection goes through a proxy, and its logged events. */
async function openThroughProxy(): Promise<{ lock: ProcessLock; proxy: FaultProxy; events: string[] }> {
  const url = new URL(scene.url)
  const proxy = await startFaultProxy({ host: url.hostname, port: Number(url.port) })
  onTestFinished(() => proxy.close())
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  const events: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void events.push(JSON.parse(line).event) })
  const lock = await openProcessLock({ connectionString: url.href }, log)
  onTestFinished(() => lock.close())
  return { lock, proxy, events }
}

const terminate = Buffer.from([0x58, 0, 0, 0, 4])

/** A proxy that disconnects a client at once, but disconnects from the server only when the test ends. */
async function addressOfLingeringProxy(): Promise<URL> {
  const url = new URL(scene.url)
  const listener = createServer((client) => {
    const server = connect({ host: url.hostname, port: Number(url.port) })
    onTestFinished(() => void server.destroy())
    for (const socket of [client, server]) socket.on('error', () => undefined)
    client.on('data', (chunk) => void (chunk.equals(terminate) || server.write(chunk)))
    server.pipe(client)
  })
  onTestFinished(() => void listener.close())
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const there = new URL(url)
  there.hostname = '127.0.0.1'
  there.port = String((listener.address() as AddressInfo).port) // the address of a socket file would be a string
  return there
}

const patience = { timeout: 10_000, interval: 20 }

/** Ends the connection of a process, and prevents a new one. */
async function cut(lock: ProcessLock, proxy: FaultProxy): Promise<void> {
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
  await expect.poll(() => isDead(lock), patience).toBe(true)
}

const sessions = sql`pg_stat_activity
  where application_name = 'paniq-documents-process' and datname = current_database()`

async function listSessions(): Promise<number[]> {
  const { rows } = await sql<{ pid: number }>`select pid from ${sessions}`.execute(scene.db)
  return rows.map(({ pid }) => pid)
}

it('a process is alive while its connection is open, in every session and at every check', async () => {
  const { lock } = await openThroughProxy()
  const { lock: other } = await openThroughProxy()

  expect(await Promise.all([1, 2, 3, 4].map(() => isDead(lock)))).toEqual([false, false, false, false])
  expect(await isDead(other)).toBe(false)
  expect(lock.processId).not.toBe(other.processId)
})

it('a process whose connection has ended is dead at once', async () => {
  const { lock, proxy } = await openThroughProxy()
  await cut(lock, proxy)

  expect(await isDead(lock)).toBe(true)
})

it('a process with a broken connection takes its lock again under the same id', async () => {
  const { lock, proxy, events } = await openThroughProxy()
  await cut(lock, proxy)
  proxy.setFault({ kind: 'none' })

  await expect.poll(() => isDead(lock), patience).toBe(false)
  expect(events).toEqual(['process_lock_lost'])
})

it('so does a process whose connection the server ended, repeatedly', async () => {
  const { lock } = await openThroughProxy()
  await expect.poll(listSessions, patience).toHaveLength(1)
  for (let time = 0; time < 2; time += 1) {
    const [before] = await listSessions()
    await sql`select pg_terminate_backend(pid) from ${sessions}`.execute(scene.db)
    await expect.poll(async () => (await listSessions())[0] ?? before, patience).not.toBe(before)
    await expect.poll(() => isDead(lock), patience).toBe(false)
  }
})

it('a check in an open transaction delays a process that takes its lock again only until its end', async () => {
  const { lock, proxy } = await openThroughProxy()
  await cut(lock, proxy)
  await scene.db.transaction().execute(async (trx) => {
    await sql`select document_process_is_dead(${lock.processId}::uuid)`.execute(trx)
    proxy.setFault({ kind: 'none' })
    await expect.poll(listSessions, patience).toHaveLength(1)
  })

  await expect.poll(() => isDead(lock), patience).toBe(false)
})

it('a database that is down is retried until it answers', async () => {
  const { lock, proxy } = await openThroughProxy()
  await cut(lock, proxy)
  const before = proxy.connections()
  await expect.poll(() => proxy.connections(), patience).toBeGreaterThan(before + 1)
  expect(await isDead(lock)).toBe(true)

  proxy.setFault({ kind: 'none' })
  await expect.poll(() => isDead(lock), patience).toBe(false)
})

it('closing the lock makes its process dead, and the lock is not taken again', async () => {
  const { lock, events } = await openThroughProxy()
  await lock.close()

  expect(await isDead(lock)).toBe(true)
  await wait(1500)
  expect(await isDead(lock)).toBe(true)
  expect(events).toEqual([])
})

it('closing the lock while it is taken again makes its process dead and leaves no connection', async () => {
  const { lock, proxy } = await openThroughProxy()
  proxy.setFault({ kind: 'slow', latencyMs: 300 })
  const before = proxy.connections()
  await proxy.cutAll()
  await expect.poll(() => proxy.connections(), patience).toBe(before + 1)
  const closed = lock.close()

  await expect.poll(listSessions, patience).toHaveLength(1)
  await closed
  await expect.poll(listSessions, patience).toEqual([])
  expect(await isDead(lock)).toBe(true)
})

it('closing returns when the server has released the lock, even if a proxy keeps the connection', async () => {
  const url = await addressOfLingeringProxy()
  const lock = await openProcessLock({ connectionString: url.href }, pino({ level: 'silent' }))
  await lock.close()

  expect(await listSessions()).toHaveLength(1)
  expect(await isDead(lock)).toBe(true)
})

it('closing does not wait forever for a server that does not answer', async () => {
  const { lock, proxy } = await openThroughProxy()
  await cut(lock, proxy)
  await scene.db.transaction().execute(async (trx) => {
    // The next process that takes the lock waits for this one to end.
    await sql`select document_process_is_dead(${lock.processId}::uuid)`.execute(trx)
    proxy.setFault({ kind: 'none' })
    await expect.poll(listSessions, patience).toHaveLength(1)
    await lock.close()
  })

  await expect.poll(listSessions, patience).toEqual([])
  expect(await isDead(lock)).toBe(true)
})
