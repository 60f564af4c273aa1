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

describe('a first start with nothing set up', () => {
  test('says where it answers, who looks after it, where documents go and why, and a call that works', async () => {
    const folder = await makeWorkFolder()
    const service = startCommand(folder, ['serve'])
    const [, address = ''] = await service.untilSaid(/^Paniq Documents answers at (http:\/\/127\.0\.0\.1:\d+)$/m)
    await service.untilSaid(
      /^Administrator: admin@paniq\.local, password in the second line of \.\/data\/initial-admin-password$/m,
    )
    await service.untilSaid(/^Storage: local \.\/uploads \(USE_S3_STORAGE is false\)$/m)
    await service.untilSaid(/^Scanner: not set; /m)

    const [, call = ''] = await service.untilSaid(/^Try next: (curl .*)$/m)
    const body = JSON.parse(/ -d '(.*)'$/.exec(call)?.[1] ?? '')
    expect(call).toContain(` ${address}/api/v1/auth/register `)
    expect((await post(`${address}/api/v1/auth/register`, body)).status).toBe(201)
  })

  test.each(['0.0.0.0', '::'])('on every address of the machine (%s) it says one that can be opened', async (host) => {
    const settings = { ...(await databaseForTest()), HOST: host }
    const service = startCommand(await makeWorkFolder(), ['serve'], settings)
    const [, address = ''] = await service.untilSaid(/^Paniq Documents answers at (http:\/\/localhost:\d+)$/m)
    expect((await fetch(`${address}/healthz`)).status).toBe(200)
  })

  test('keeps the administrator’s password where only its user reads it, and nowhere else', async () => {
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

describe('people who are there before the first start', () => {
  const thandi = ['--email', 'thandi@firm.example', '--first-name', 'Thandi', '--last-name', 'Nkosi']
  const create = (folder: string, ...more: string[]) =>
    runCommand(folder, ['users', 'create', ...thandi, '--password-stdin', ...more], { input: 'correct horse battery' })

  test('do without an administrator no longer, who can then be given another password', async () => {
    const folder = await makeWorkFolder()
    expect(await create(folder)).toMatchObject({ code: 0 })
    const service = startCommand(folder, ['serve'])
    await service.untilSaid(
      /^Administrator: admin@paniq\.local, password in the second line of \.\/data\/initial-admin-password$/m,
    )
    await service.untilSaid(/^Try next/m)

    const words = ['users', 'set-password', '--email', 'Admin@paniq.local', '--password-stdin']
    expect(await runCommand(folder, words, { input: 'battery staple, correct' })).toMatchObject({ code: 0 })
    await expect(stat(join(folder, 'data', 'initial-admin-password'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('may have an administrator among them: then nobody is made', async () => {
    const folder = await makeWorkFolder()
    expect(await create(folder, '--admin')).toMatchObject({ code: 0 })
    const service = startCommand(folder, ['serve'])
    await service.untilSaid(/^Administrator: exists already\. .*users create --admin/m)
  })
})

describe('the end', () => {
  test('is clean when it is told: the embedded database is stopped too', async () => {
    const folder = await makeWorkFolder()
    const service = startCommand(folder, ['serve'])
    await service.untilSaid(/answers at/)
    expect(serverPid(join(folder, 'data'))).toBeDefined()

    service.signal('SIGINT')
    const { code, stdout } = await service.ended()
    expect(code).toBe(0)
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
    // For machines: every line of standard output is JSON; people read the other one.
    const lines = stdout.trim().split('\n')
    const events = lines.map((line): { event?: string } => JSON.parse(line)).map(({ event }) => event)
    expect(events).toEqual(expect.arrayContaining(['started', 'stopping', 'stopped']))
  })

  test('comes to the service when it is npm that is told', async () => {
    const folder = await makeWorkFolder()
    const npm = startScript(folder, 'start')
    const [, pid = ''] = await npm.untilSaid(/"pid":(\d+),.*"event":"started"/)
    npm.signal('SIGTERM')
    const { stdout } = await npm.ended()
    expect(stdout).toContain('"event":"stopped"')
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
  })

  test('waits for a request under way, unless it is told a second time', async () => {
    const service = startCommand(await makeWorkFolder(), ['serve'])
    const [, port = ''] = await service.untilSaid(/answers at \S+:(\d+)$/m)
    const client = connect(Number(port), '127.0.0.1')
    onTestFinished(() => void client.destroy())
    await once(client, 'connect')
    const head =
      'POST /api/v1/auth/login HTTP/1.1\r\nhost: paniq\r\ncontent-type: application/json\r\ncontent-length: 99\r\n'
    client.write(`${head}\r\n{`)
    // The request is under way when the server asks for more of it or has logged it; a moment is enough for either.
    await sleep(200)

    // One Ctrl-C below npm: the terminal's own signal, and the one that npm hands on. Of two kinds here, since two of
    // one kind may be taken for one.
    service.signal('SIGINT')
    service.signal('SIGTERM')
    await service.untilSaid(/^Stopping\. Press Ctrl-C again to stop at once\.$/m)
    await sleep(400)
    expect(service.isRunning()).toBe(true)

    service.signal('SIGTERM')
    expect((await service.ended()).code).toBe(128 + 15)
  })

  test('by a kill in the first start leaves nothing that stops the second', async () => {
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

describe('what stops the start is one line that says what to do', () => {
  test('a taken port', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    // Listening on TCP, it has an address of this kind.
    const { port } = other.address() as { port: number }

    const folder = await makeWorkFolder()
    const { code, stderr } = await runCommand(folder, ['serve'], { settings: { PORT: String(port) } })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Port ${port} is in use. Stop the program that uses it, or choose another port: PORT=${port + 1} npm start\n`,
    })
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
  })

  test('an address that is not this machine’s', async () => {
    const { code, stderr } = await runCommand(await makeWorkFolder(), ['serve'], { settings: { HOST: '192.0.2.1' } })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^HOST: "192\.0\.2\.1" is not an address of this machine\. .+\n$/)
  })

  test('a wrong setting in .env', async () => {
    const folder = await makeWorkFolder()
    await writeFile(join(folder, '.env'), 'LOG_LEVEL=loud\n')
    expect(await runCommand(folder, ['serve'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'LOG_LEVEL: "loud" must be fatal, error, warn, info, debug, trace or silent.\n',
    })
  })

  test.each(['serve', 'work'])('%s: a database that nothing answers for', async (command) => {
    const settings = databaseSettings('postgres://paniq:hunter2-secret@127.0.0.1:1/paniq')
    const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), [command], { settings })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^The database \(DATABASE_URL: paniq@127\.0\.0\.1:1, database paniq\): no PostgreSQL answers there\..+\n$/,
    )
    expect(`${stdout}${stderr}`).not.toContain('hunter2-secret')
  })
})

describe('where new documents go', () => {
  test('to S3, when it is reachable', async () => {
    const { name } = await bucketForTest()
    const settings = s3Settings(name, { USE_S3_STORAGE: 'true' })
    expect(await storageLine(settings)).toBe(`S3 ${name}, ${settings['AWS_REGION_NAME']}, reachable`)
  })

  test('to S3, and what is wrong with it', async () => {
    const name = newBucketName()
    expect(await storageLine(s3Settings(name, { USE_S3_STORAGE: 'true' }))).toContain(
      `S3 ${name}, af-south-1, not reachable: Bucket does not exist. `,
    )
  })

  test('to the local disk as fallback, or nowhere, for want of credentials', async () => {
    const settings = s3Settings('paniq', { USE_S3_STORAGE: 'true', AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
    expect(await storageLine(settings)).toBe('local as fallback ./uploads (AWS credentials not found)')
    expect(await storageLine({ ...settings, S3_FALLBACK: 'off' })).toMatch(/^none, .*AWS credentials not found/)
  })

  test('for want of credentials, where those of .env.example were never replaced', async () => {
    const keys = { AWS_ACCESS_KEY_ID: 'your-access-key-id', AWS_SECRET_ACCESS_KEY: 'your-secret-access-key' }
    expect(await storageLine(s3Settings('paniq', { USE_S3_STORAGE: 'true', ...keys }))).toBe(
      'local as fallback ./uploads (AWS credentials not found: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are still the placeholders of .env.example)',
    )
  })

  test('a start without S3 warns when documents lie there, and says what to set', async () => {
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

test('the jobs run beside an API without them, on one database', async () => {
  const folder = await makeWorkFolder()
  const telling = { LOG_LEVEL: 'debug' }
  const api = startCommand(folder, ['serve', '--no-jobs'], telling)
  await api.untilSaid(/answers at/)
  const jobs = startCommand(folder, ['work'], telling)
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
