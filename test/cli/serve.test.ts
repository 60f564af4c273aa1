import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, onTestFinished, test } from 'vitest'

import { serverPid } from '../embedded/data-folder.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { s3Settings as settingsOf } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { databaseForTest, databaseSettings } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand, type Settings, startCommand, startScript } from '../support/cli/run-command.ts'
import { bucketForTest, newBucketName, s3Settings } from '../support/cli/s3-settings.ts'

describe('a first start without settings', () => {
  test('prints the address, the administrator, the store with the reason, and a first call', async () => {
    const folder = await makeWorkFolder()
    const service = startCommand(folder, ['serve'])
    const [, address = ''] = await service.untilSaid(/^Paniq Documents answers at (http:\/\/127\.0\.0\.1:\d+)$/m)
    await service.untilSaid(
      /^Administrator: admin@paniq\.local, password in the second line of \.\/data\/initial-admin-password, to change at the first login$/m,
    )
    await service.untilSaid(/^Storage: local \.\/uploads \(USE_S3_STORAGE is false\)$/m)
    await service.untilSaid(/^Scanner: not set; /m)

    const [, call = ''] = await service.untilSaid(/^Try next: (curl .*)$/m)
    const body = JSON.parse(/ -d '(.*)'$/.exec(call)?.[1] ?? '')
    expect(call).toContain(` ${address}/api/v1/auth/register `)
    expect((await post(`${address}/api/v1/auth/register`, body)).status).toBe(201)
  })

  test.each(['0.0.0.0', '::'])('listening on all addresses (%s), it prints one that can be opened', async (host) => {
    const settings = { ...(await databaseForTest()), HOST: host }
    const service = startCommand(await makeWorkFolder(), ['serve'], settings)
    const [, address = ''] = await service.untilSaid(/^Paniq Documents answers at (http:\/\/localhost:\d+)$/m)
    expect((await fetch(`${address}/healthz`)).status).toBe(200)
  })

  test('writes the administrator’s password only to a file that only its user can read', async () => {
    const folder = await makeWorkFolder()
    const service = startCommand(folder, ['serve'])
    const [, address = ''] = await service.untilSaid(/answers at (\S+)$/m)

    const file = join(folder, 'data', 'initial-admin-password')
    const [email = '', password = ''] = (await readFile(file, 'utf8')).split('\n')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(`${service.said.stdout}${service.said.stderr}`).not.toContain(password)
    expect((await post(`${address}/api/v1/auth/login`, { email, password })).status).toBe(200)
  })
})

describe('accounts that exist before the first start', () => {
  const thandi = ['--email', 'thandi@firm.example', '--first-name', 'Thandi', '--last-name', 'Nkosi']
  const create = (folder: string, ...more: string[]) =>
    runCommand(folder, ['users', 'create', ...thandi, '--password-stdin', ...more], { input: 'correct horse battery' })

  test('do not prevent the creation of an administrator, whose password can be changed', async () => {
    const folder = await makeWorkFolder()
    expect(await create(folder)).toMatchObject({ code: 0 })
    const service = startCommand(folder, ['serve'])
    await service.untilSaid(
      /^Administrator: admin@paniq\.local, password in the second line of \.\/data\/initial-admin-password, to change at the first login$/m,
    )
    await service.untilSaid(/^Try next/m)

    const words = ['users', 'set-password', '--email', 'Admin@paniq.local', '--password-stdin']
    expect(await runCommand(folder, words, { input: 'battery staple, correct' })).toMatchObject({ code: 0 })
    await expect(stat(join(folder, 'data', 'initial-admin-password'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('that include an administrator prevent the creation of another', async () => {
    const folder = await makeWorkFolder()
    expect(await create(folder, '--admin')).toMatchObject({ code: 0 })
    const service = startCommand(folder, ['serve'])
    await service.untilSaid(/^Administrator: exists already\. .*users create --admin/m)
  })
})

describe('the shutdown', () => {
  test('is clean on a signal: the embedded database is stopped too', async () => {
    const folder = await makeWorkFolder()
    const service = startCommand(folder, ['serve'])
    await service.untilSaid(/answers at/)
    expect(serverPid(join(folder, 'data'))).toBeDefined()

    service.signal('SIGINT')
    const { code, stdout } = await service.ended()
    expect(code).toBe(0)
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
    // For programs: every line of standard output is JSON. Text for people is on standard error.
    const lines = stdout.trim().split('\n')
    const events = lines.map((line): { event?: string } => JSON.parse(line)).map(({ event }) => event)
    expect(events).toEqual(expect.arrayContaining(['started', 'stopping', 'stopped']))
  })

  test('reaches the service when npm gets the signal', async () => {
    const folder = await makeWorkFolder()
    const npm = startScript(folder, 'start')
    const [, pid = ''] = await npm.untilSaid(/"pid":(\d+),.*"event":"started"/)
    npm.signal('SIGTERM')
    const { stdout } = await npm.ended()
    expect(stdout).toContain('"event":"stopped"')
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
  })

  test('waits for a running request, unless a second signal arrives', async () => {
    const service = startCommand(await makeWorkFolder(), ['serve'])
    const [, port = ''] = await service.untilSaid(/answers at \S+:(\d+)$/m)
    const client = connect(Number(port), '127.0.0.1')
    onTestFinished(() => void client.destroy())
    await once(client, 'connect')
    const head =
      'POST /api/v1/auth/login HTTP/1.1\r\nhost: paniq\r\ncontent-type: application/json\r\ncontent-length: 99\r\n'
    client.write(`${head}\r\n{`)
    // The request is in progress when the server reads more of it or has logged it. A moment is enough for either.
    await sleep(200)

    // One Ctrl-C below npm: the terminal's own signal, and the one that npm forwards. Two different signals here,
    // because two equal ones may count as one.
    service.signal('SIGINT')
    service.signal('SIGTERM')
    await service.untilSaid(/^Stopping\. Press Ctrl-C again to stop at once\.$/m)
    await sleep(400)
    expect(service.isRunning()).toBe(true)

    service.signal('SIGTERM')
    expect((await service.ended()).code).toBe(128 + 15)
  })

  test('by a kill during the first start does not prevent the second start', async () => {
    const folder = await makeWorkFolder()
    const killed = startCommand(folder, ['serve'])
    await killed.untilSaid(/embedded_database_made/)
    killed.signal('SIGKILL')
    await killed.ended()

    const second = startCommand(folder, ['serve'])
    const [, address = ''] = await second.untilSaid(/answers at (\S+)$/m)
    const [email = '', password = ''] = (await readFile(join(folder, 'data', 'initial-admin-password'), 'utf8')).split(
      '\n',
    )
    expect((await post(`${address}/api/v1/auth/login`, { email, password })).status).toBe(200)
  })
})

describe('one line with the fix stops the start', () => {
  test('for a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    // the address of a TCP listener
    const { port } = other.address() as { port: number }

    const folder = await makeWorkFolder()
    const { code, stderr } = await runCommand(folder, ['serve'], { settings: { PORT: String(port) } })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Port ${port} is in use. Stop the program that uses it, or choose another port: PORT=${port + 1} npm start\n`,
    })
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
  })

  test('for an address of another machine', async () => {
    const { code, stderr } = await runCommand(await makeWorkFolder(), ['serve'], { settings: { HOST: '192.0.2.1' } })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^HOST: "192\.0\.2\.1" is not an address of this machine\. .+\n$/)
  })

  test('for a wrong setting in .env', async () => {
    const folder = await makeWorkFolder()
    await writeFile(join(folder, '.env'), 'LOG_LEVEL=loud\n')
    expect(await runCommand(folder, ['serve'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'LOG_LEVEL: "loud" must be fatal, error, warn, info, debug, trace or silent.\n',
    })
  })

  test.each(['serve', 'work'])('%s: for a database that does not answer', async (command) => {
    const settings = databaseSettings('postgres://paniq:hunter2-secret@127.0.0.1:1/paniq')
    const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), [command], { settings })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^The database \(DATABASE_URL: paniq@127\.0\.0\.1:1, database paniq\): no PostgreSQL answers there\..+\n$/,
    )
    expect(`${stdout}${stderr}`).not.toContain('hunter2-secret')
  })
})

describe('the store for new documents', () => {
  test('is S3, if it can be reached', async () => {
    const { name } = await bucketForTest()
    const settings = s3Settings(name, { USE_S3_STORAGE: 'true' })
    expect(await storageLine(settings)).toBe(`S3 ${name}, ${settings['AWS_REGION_NAME']}, reachable`)
  })

  test('is S3, with the problem of the bucket', async () => {
    const name = newBucketName()
    expect(await storageLine(s3Settings(name, { USE_S3_STORAGE: 'true' }))).toContain(
      `S3 ${name}, af-south-1, not reachable: Bucket does not exist. `,
    )
  })

  test('is the local disk as fallback, or none, without credentials', async () => {
    const settings = s3Settings('paniq', { USE_S3_STORAGE: 'true', AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
    expect(await storageLine(settings)).toBe('local as fallback ./uploads (AWS credentials not found)')
    expect(await storageLine({ ...settings, S3_FALLBACK: 'off' })).toMatch(/^none, .*AWS credentials not found/)
  })

  test('is the fallback with the placeholder credentials of .env.example', async () => {
    const keys = { AWS_ACCESS_KEY_ID: 'your-access-key-id', AWS_SECRET_ACCESS_KEY: 'your-secret-access-key' }
    expect(await storageLine(s3Settings('paniq', { USE_S3_STORAGE: 'true', ...keys }))).toBe(
      'local as fallback ./uploads (AWS credentials not found: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are still the placeholders of .env.example)',
    )
  })

  test('a start without S3 warns if documents are on S3, and prints the setting', async () => {
    const bucket = await bucketForTest()
    const database = await databaseForTest()
    const before = await startService({ ...database, ...settingsOf(bucket) })
    const { firm, admin } = await firmWithAdmin(before)
    await uploadDocument(before.url, firm, admin)
    await before.stop()

    const service = startCommand(await makeWorkFolder(), ['serve'], database)
    const [line = ''] = await service.untilSaid(/^.*"event":"s3_not_set_up".*$/m)
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', msg: expect.stringContaining('set AWS_S3_BUCKET') })
  })
})

test('jobs run in another process than the API, on one database', async () => {
  const folder = await makeWorkFolder()
  const verbose = { LOG_LEVEL: 'debug' }
  const api = startCommand(folder, ['serve', '--no-jobs'], verbose)
  await api.untilSaid(/answers at/)
  const jobs = startCommand(folder, ['work'], verbose)
  await jobs.untilSaid(/"event":"job_finished"/)
  expect(api.said.stdout).not.toMatch(/"event":"job_/)

  jobs.signal('SIGTERM')
  expect((await jobs.ended()).code).toBe(0)
  expect(serverPid(join(folder, 'data'))).toBeDefined()
  api.signal('SIGTERM')
  expect((await api.ended()).code).toBe(0)
  expect(serverPid(join(folder, 'data'))).toBeUndefined()
})

async function storageLine(settings: Settings): Promise<string> {
  const database = await databaseForTest()
  const service = startCommand(await makeWorkFolder(), ['serve'], { ...settings, ...database })
  const [, line = ''] = await service.untilSaid(/^Storage: (.*)$/m)
  return line
}

async function post(url: string, body: unknown): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}
