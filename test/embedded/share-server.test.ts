import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'

import { openEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded/open-embedded.ts'
import { ask, waitUntilAnswers } from './ask.ts'
import { serverPid, stopAnyServer, until } from './data-folder.ts'
import { startService } from './service-process.ts'

const log = pino({ level: 'silent' })
const opened: EmbeddedPostgres[] = []
let dataDir: string

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-embedded-'))
  await chmod(folder, 0o755)
  dataDir = join(folder, 'data')
  const { close } = await openEmbeddedPostgres({ dataDir, log })
  await close()
})
afterEach(async () => {
  for (const { close } of opened.splice(0)) await close()
  await stopAnyServer(dataDir)
})
afterAll(async () => rm(dirname(dataDir), { recursive: true }))

async function open(): Promise<EmbeddedPostgres> {
  const embedded = await openEmbeddedPostgres({ dataDir, log })
  opened.push(embedded)
  return embedded
}

test('a second process joins the running server, which stops after the last one closes', async () => {
  const service = startService(dataDir)
  expect((await service.opened()).how).toBe('started')

  const here = await openEmbeddedPostgres({ dataDir, log })
  expect(here.how).toBe('joined')
  await here.close()
  expect(serverPid(dataDir)).toBeDefined()

  await service.close()
  expect(serverPid(dataDir)).toBeUndefined()
})

test('a server with another connected client is not stopped', async () => {
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

test('a killed server is started again while the service runs', async () => {
  const { owner } = await open()
  await ask(owner, 'CREATE TABLE documents (id int)', 'INSERT INTO documents VALUES (7) RETURNING id')
  const killed = serverPid(dataDir)
  process.kill(killed ?? Number.NaN, 'SIGKILL')
  await until(() => ![undefined, killed].includes(serverPid(dataDir)))

  expect(await ask(owner, 'SELECT id FROM documents')).toEqual([7])
})

test('no server is started while a child of the killed one may still write', async () => {
  const service = startService(dataDir)
  const { owner } = await service.opened()
  const client = await waitUntilAnswers(owner)
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const busy = client.query('SELECT count(*) FROM generate_series(1, 1000000000)').catch(() => undefined)
  await service.kill('SIGKILL')
  process.kill(serverPid(dataDir) ?? Number.NaN, 'SIGKILL')

  const opening = open()
  await until(async () => (await readFile(join(dataDir, 'postgresql.log'), 'utf8')).includes('is still in use'))
  process.kill(rows[0]?.pid ?? Number.NaN, 'SIGKILL')
  await busy
  expect((await opening).how).toBe('started')
})

const heirs: [string, string][] = [
  ['another process now has', 'sleep 60 & echo $!; wait'],
  ['nobody has reaped', 'true & echo $!; exec sleep 60'],
]

test.for(heirs)('the id of a dead server that %s does not block the start', async ([, script]) => {
  const { uid, gid } = await stat(join(dataDir, 'postgresql'))
  // PostgreSQL only confuses a process of the same user with its server.
  const shell = spawn('sh', ['-c', script], { detached: true, ...(process.getuid?.() === 0 ? { uid, gid } : {}) })
  onTestFinished(() => void process.kill(-(shell.pid ?? Number.NaN), 'SIGKILL'))
  const [pid] = await once(shell.stdout.setEncoding('utf8'), 'data')
  const file = join(dataDir, 'postgresql', 'postmaster.pid')
  await writeFile(file, `${pid}${dataDir}/postgresql\n`)
  await chown(file, uid, gid)

  expect((await open()).how).toBe('started')
})
