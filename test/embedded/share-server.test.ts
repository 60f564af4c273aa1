import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'

import { openEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded/open-embedded.ts'
import { ask } from './ask.ts'
import { serverPid, stopAnyServer, until } from './data-folder.ts'
import { startService } from './service-process.ts'

const log = pino({ level: 'silent' })
let dataDir: string

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-embedded-'))
  await chmod(folder, 0o755)
  dataDir = join(folder, 'data')
  const { close } = await openEmbeddedPostgres({ dataDir, log })
  await close()
})
afterEach(async () => stopAnyServer(dataDir))
afterAll(async () => rm(dirname(dataDir), { recursive: true }))

async function open(): Promise<EmbeddedPostgres> {
  const embedded = await openEmbeddedPostgres({ dataDir, log })
  onTestFinished(embedded.close)
  return embedded
}

test('a second process joins the server that runs, and the server stays until the last one closes', async () => {
  const service = startService(dataDir)
  expect((await service.opened()).how).toBe('started')

  const here = await openEmbeddedPostgres({ dataDir, log })
  expect(here.how).toBe('joined')
  await here.close()
  expect(serverPid(dataDir)).toBeDefined()

  await service.close()
  expect(serverPid(dataDir)).toBeUndefined()
})

test('a server that somebody else is connected to is not stopped', async () => {
  const { owner, close } = await openEmbeddedPostgres({ dataDir, log })
  const visitor = new Client(owner)
  await visitor.connect()

  await close()
  expect((await visitor.query('SELECT 1')).rowCount).toBe(1)
  await visitor.end()
})

test('the server outlives a kill -9 of the service, and the next start joins it', async () => {
  const service = startService(dataDir)
  await service.opened()
  const pid = serverPid(dataDir)
  await service.kill('SIGKILL')

  const next = await open()
  expect(next.how).toBe('joined')
  expect(serverPid(dataDir)).toBe(pid)
})

test('Ctrl-C in the service’s terminal does not reach the server', async () => {
  const service = startService(dataDir)
  const { owner } = await service.opened()
  process.kill(-service.pid, 'SIGINT')
  await service.ended()

  expect(await ask(owner, 'SELECT 1')).toEqual([1])
  expect((await open()).how).toBe('joined')
})

test('a server that was killed comes back by itself while the service runs', async () => {
  const { owner } = await open()
  await ask(owner, 'CREATE TABLE papers (id int)', 'INSERT INTO papers VALUES (7) RETURNING id')
  const killed = serverPid(dataDir)
  process.kill(killed ?? Number.NaN, 'SIGKILL')
  await until(() => ![undefined, killed].includes(serverPid(dataDir)))

  expect(await ask(owner, 'SELECT id FROM papers')).toEqual([7])
})

test('the id of a dead server that another process now has does not block the start', async () => {
  const { uid, gid } = await stat(join(dataDir, 'postgresql'))
  // PostgreSQL itself mistakes only a process of its own user for its server.
  const other = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {})
  onTestFinished(() => void other.kill())
  await writeFile(join(dataDir, 'postgresql', 'postmaster.pid'), `${other.pid}\n${dataDir}/postgresql\n`)

  expect((await open()).how).toBe('started')
})
