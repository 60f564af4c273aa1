import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { call } from '../people/call-people.ts'
import { serverPid } from '../embedded/data-folder.ts'
import { startService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles } from '../support/database/two-roles.ts'
import { databaseForTest, databaseSettings, emptyDatabaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand, type Settings } from '../support/cli/run-command.ts'

const password = 'correct horse battery'
const thandi = ['--email', 'Thandi@firm.example', '--first-name', 'Thandi', '--last-name', 'Nkosi', '--password-stdin']

describe('users', () => {
  test('an account created on the command line can log in', async () => {
    const settings = await databaseForTest()
    const made = await run(['users', 'create', ...thandi], settings, `${password}\n`)
    expect(made).toEqual({ code: 0, stdout: '✓ thandi@firm.example can log in.\n', stderr: '' })

    await using service = await serviceOn(settings)
    expect(await service.logIn('thandi@firm.example', password)).toBe(200)
    expect(await service.roleOf('thandi@firm.example')).toBe('user')
  })

  test('--admin creates an administrator, and --json prints the account', async () => {
    const settings = await databaseForTest()
    const made = await run(['users', 'create', ...thandi, '--admin', '--json'], settings, password)
    expect(JSON.parse(made.stdout)).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'thandi@firm.example',
      role: 'admin',
    })
    await using service = await serviceOn(settings)
    expect(await service.roleOf('thandi@firm.example')).toBe('admin')
  })

  test('a new password replaces the old one', async () => {
    const settings = await databaseForTest()
    await run(['users', 'create', ...thandi], settings, password)
    const set = await run(
      ['users', 'set-password', '--email', 'thandi@firm.example', '--password-stdin'],
      settings,
      'another long password\r\n',
    )
    expect(set).toMatchObject({ code: 0, stderr: '' })
    expect(set.stdout).toMatch(
      /their sessions have ended\.\n.*passkeys, their API keys .* lock the account: PATCH \/api\/v1\/users\//,
    )

    await using service = await serviceOn(settings)
    expect(await service.logIn('thandi@firm.example', password)).toBe(401)
    expect(await service.logIn('thandi@firm.example', 'another long password')).toBe(200)
  })

  test('a temporary password must be changed at the next login', async () => {
    const settings = await databaseForTest()
    await run(['users', 'create', ...thandi], settings, password)
    const temporary = 'another long password'
    const words = ['users', 'set-password', '--email', 'thandi@firm.example', '--temporary', '--password-stdin']
    const set = await run(words, settings, temporary)
    expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('must change it at the next login') })

    const service = await startService(settings)
    const body = { email: 'thandi@firm.example', password: temporary }
    const answer = await call(service.url, 'POST /auth/login', { body })
    expect(answer).toMatchObject({ status: 200, body: { password_change_required: true } })
    await service.stop()
  })

  test('an invalid request is rejected in one line or one JSON object', async () => {
    const settings = await databaseForTest()
    await run(['users', 'create', ...thandi], settings, password)
    const again = await run(['users', 'create', ...thandi], settings, password)
    expect(again).toEqual({
      code: 1,
      stdout: '',
      stderr: 'An account with this e-mail already exists. Set its password with `users set-password`.\n',
    })
    const unknown = await run(
      ['users', 'set-password', '--email', 'sipho@firm.example', '--password-stdin', '--json'],
      settings,
      password,
    )
    expect(unknown).toMatchObject({ code: 1, stderr: '' })
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'not_found' } })
    const short = await run(['users', 'create', ...thandi.with(1, 'sipho@firm.example')], settings, 'short')
    expect(short).toEqual({ code: 1, stdout: '', stderr: 'The password must be at least 10 characters.\n' })
  })
})

describe('db migrate', () => {
  test('prints the migrations it ran; the second run finds nothing to do', async () => {
    const settings = await emptyDatabaseForTest()
    const first = await run(['db', 'migrate'], settings)
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^✓ 0001-platform-tables\n/), stderr: '' })
    const second = await run(['db', 'migrate'], settings)
    expect(second.stdout).toBe('✓ The database is up to date; nothing changed.\n')
    expect(JSON.parse((await run(['db', 'migrate', '--json'], settings)).stdout)).toEqual({
      migrated: [],
      granted_to: null,
    })
  })

  test('prints the role that it granted permissions, each time, if another role owns the tables', async () => {
    const database = await freshDatabaseOfTwoRoles()
    const { settings } = database
    onTestFinished(() => database.remove())
    const role = new URL(settings.DATABASE_URL).username
    await run(['db', 'migrate'], settings)

    const second = await run(['db', 'migrate'], settings)

    expect(second).toEqual({
      code: 0,
      stdout: `✓ Granted the role ${role} its rights.\n✓ The database is up to date.\n`,
      stderr: '',
    })
  })

  test('starts and stops the embedded database itself', async () => {
    const folder = await makeWorkFolder()
    const { code, stdout } = await runCommand(folder, ['db', 'migrate'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('✓ 0001-platform-tables\n') })
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
  })
})

describe('wrong use exits with 2', () => {
  test.each([
    [['verify-everything'], "unknown command 'verify-everything'"],
    [['serve', '--port', '80'], "unknown option '--port'"],
    [['serve', '80'], 'too many arguments'],
    [['s3'], 'Usage: paniq-docs s3'],
    [['users', 'create', '--email', 'thandi@firm.example'], '--first-name'],
    [['users', 'create', ...thandi.with(1, 'thandi')], 'must be an e-mail address'],
    [['users', 'create', ...thandi.slice(0, -1)], '--password-stdin'],
  ])('%j', async (words, says) => {
    const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), words)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(says)
  })

  test('an unreadable key is reported before any work begins', async () => {
    const words = ['backup', 'create', 'backups', '--sign-key', '/nowhere/key.pem']
    const { code, stdout, stderr } = await run(words, databaseSettings('postgres://nobody@127.0.0.1:1/nothing'))
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(
      /^--sign-key: \/nowhere\/key\.pem cannot be read \(ENOENT\)\. To create a pair of keys, .+\n$/,
    )
  })

  test.each([
    [['verify', '--report', '/nowhere/report.jsonl'], 'ENOENT'],
    [['migrate', 'to-s3', '--report', '/'], 'EISDIR'],
  ])('an unwritable report is reported before any work begins: %j', async (words, code) => {
    const settings = databaseSettings('postgres://nobody@127.0.0.1:1/nothing')
    expect(await run(words, settings)).toEqual({
      code: 2,
      stdout: '',
      stderr: `--report: ${words.at(-1)} cannot be written (${code}). Name a file that this user may write, in a folder that exists.\n`,
    })
  })

  test.each([
    [['users', 'create', '--json'], "required option '--email <address>' not specified"],
    [['users', 'create', ...thandi.with(1, 'thandi'), '--json'], 'must be an e-mail address'],
    [['s3', 'tset', '--json'], "unknown command 'tset' (Did you mean test?)"],
    [['help', 'verify-everything', '--json'], 'no such command'],
  ])('with --json as one object: %j', async (words, says) => {
    const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), words)
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'wrong_use', message: expect.stringContaining(says) } })
  })
})

test('without a command, it prints the usual commands', async () => {
  const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), [])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/npm start[^]*s3 test[^]*users create/)
})

test.each([[['help']], [['help', 's3']], [['s3', 'help']], [['--help']], [['--version']]])(
  '%j prints help and exits with 0',
  async (words) => {
    const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toBe('')
  },
)

test('help works with wrong settings', async () => {
  const answer = await runCommand(await makeWorkFolder(), ['s3', 'test', '--help'], { settings: { PORT: 'none' } })
  expect(answer).toMatchObject({ code: 0, stdout: expect.stringContaining('Example:') })
})

test('.env of the working directory counts, and the environment has precedence', async () => {
  const folder = await makeWorkFolder()
  await writeFile(join(folder, '.env'), 'AWS_S3_BUCKET=Of The File\nUSE_S3_STORAGE=perhaps\n')
  const both = await runCommand(folder, ['s3', 'test'])
  expect(both).toMatchObject({ code: 1, stderr: expect.stringMatching(/^AWS_S3_BUCKET: "Of The File" must be /) })
  const settings = { AWS_S3_BUCKET: 'of-the-environment' }
  const { stderr } = await runCommand(folder, ['s3', 'test'], { settings })
  expect(stderr).toMatch(/^USE_S3_STORAGE: "perhaps" must be true or false\.\n$/)
})

async function run(words: string[], settings: Settings, input?: string) {
  return await runCommand(await makeWorkFolder(), words, { settings, ...(input === undefined ? {} : { input }) })
}

/** A service on the same database as the commands. */
async function serviceOn(settings: Settings) {
  const service = await startService(settings)
  return {
    async logIn(email: string, secret: string): Promise<number> {
      const answer = await fetch(`${service.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password: secret }),
      })
      return answer.status
    },
    async roleOf(email: string): Promise<string | undefined> {
      const query = service.app.db.selectFrom('registered_users').select('role').where('email', '=', email)
      return (await query.executeTakeFirst())?.role
    },
    [Symbol.asyncDispose]: () => service.stop(),
  }
}
