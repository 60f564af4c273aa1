import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { fullName, leavesOf } from '../../src/cli/command/define-command.ts'
import { makeNotingProgram } from '../support/run/noting-program.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { databaseForTest, databaseSettings } from '../support/cli/database-settings.ts'
import { type Answer, makeWorkFolder, runCommand, type Settings } from '../support/cli/run-command.ts'

const commands = leavesOf(makeNotingProgram()).map(fullName)

type Asked = [command: string, more: string[]]

const subject = ['--subject', 'auth0|7', '--issuer', 'https://login.example']
const thandi = ['--email', 'thandi@firm.example']

/** Every command that opens the database. */
const onDatabase: Asked[] = [
  ['serve', []],
  ['work', []],
  ['migrate to-s3', []],
  ['migrate to-local', []],
  ['drain', []],
  ['verify', []],
  ['backup create', ['backups']],
  ['backup restore', ['backups']],
  ['purge', []],
  ['users create', [...thandi, '--first-name', 'Thandi', '--last-name', 'Nkosi', '--password-stdin']],
  ['users set-password', [...thandi, '--password-stdin']],
  ['users link', [...thandi, ...subject]],
  ['users unlink', subject],
  ['users reset-second-factor', ['thandi@bluecrane.example']],
  ['users export', ['thandi@bluecrane.example', '--output', 'thandi.json']],
  ['users erase', ['thandi@bluecrane.example', '--yes']],
  ['reminders send', []],
  ['mail list', []],
  ['mail retry', ['--all']],
  ['hold list', []],
  ['hold lift', ['--firm', '0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c', '--reason', 'over']],
  ['db migrate', []],
  ['audit verify', []],
  ['audit export', ['--output', 'trail.jsonl']],
  ['cost estimate', []],
]
const withoutDatabase = ['s3 test', 's3 setup', 'backup verify', 'mail test']

/** Every command that needs S3, or whose place may be there. */
const onS3: Asked[] = [
  ['s3 test', []],
  ['s3 setup', []],
  ['migrate to-s3', []],
  ['migrate to-local', []],
  ['drain', []],
  ['backup create', ['s3://backups-elsewhere/paniq']],
  ['backup verify', ['s3://backups-elsewhere/paniq']],
  ['backup restore', ['s3://backups-elsewhere/paniq']],
]
/** An S3 outage does not end these, or they never call it. */
const withoutS3 = [
  'serve',
  'work',
  'purge',
  'db migrate',
  'audit verify',
  'audit export',
  'cost estimate',
  'users create',
  'users set-password',
  'users link',
  'users unlink',
  'users reset-second-factor',
  'users export',
  'users erase',
  'reminders send',
  'mail test',
  'mail list',
  'mail retry',
  'hold list',
  'hold lift',
]
/** It names what it could not check, and continues. */
const goesOnWithoutS3 = ['verify']

test('every command is tested here', () => {
  expect([...onDatabase.map(([name]) => name), ...withoutDatabase].toSorted()).toEqual(commands.toSorted())
  expect([...onS3.map(([name]) => name), ...withoutS3, ...goesOnWithoutS3].toSorted()).toEqual(commands.toSorted())
})

describe('without a database', () => {
  test.each(onDatabase)('%s prints that and the fix', async (name, more) => {
    const folder = await makeWorkFolder()
    if (name === 'backup restore') await makeBackup(folder)
    const settings = databaseSettings(`postgres://paniq:hunter2-secret@127.0.0.1:${await freedPort()}/paniq`)

    const ended = await run(folder, [name, more], settings)

    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/DATABASE_URL.+(Start|start|Correct|correct)/)
    expectFewWords(ended)
  })
})

describe('without S3', () => {
  test.each(onS3)('%s prints that and the fix', async (name, more) => {
    const folder = await makeWorkFolder()
    const { address, settings } = await deadS3()

    const ended = await run(folder, [name, more], settings)

    expect(ended.code).toBe(1)
    expect(`${ended.stdout}${ended.stderr}`).toContain(`Nothing answers at ${address} (ECONNREFUSED)`)
    expect(`${ended.stdout}${ended.stderr}`).toContain('that AWS_ENDPOINT_URL_S3 is correct')
    expectFewWords(ended)
  })

  test('verify names the store that it could not check', async () => {
    const ended = await run(await makeWorkFolder(), ['verify', []], (await deadS3()).settings)

    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining('1 unchecked'), stderr: '' })
  })
})

async function run(folder: string, [name, more]: Asked, settings: Settings): Promise<Answer> {
  return await runCommand(folder, [...name.split(' '), ...more], { settings, input: 'correct horse battery' })
}

/** One or two lines for people: no stack, no log line, no secret. */
function expectFewWords({ stdout, stderr }: Answer): void {
  expect(stderr.split('\n').length - 1).toBeLessThanOrEqual(2)
  expect(`${stdout}${stderr}`).not.toMatch(/\n\s+at |"level"|node:|hunter2/)
}

/** A port that was in use a moment ago, and is closed now. */
async function freedPort(): Promise<number> {
  const [port = 0] = await findFreePorts(1)
  return port
}

async function deadS3() {
  const address = `http://127.0.0.1:${await freedPort()}`
  const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'hunter2-secret' }
  return { address, settings: { ...(await databaseForTest()), ...keys, AWS_ENDPOINT_URL_S3: address } }
}

async function makeBackup(folder: string): Promise<void> {
  const elsewhere = await makeWorkFolder()
  const made = await run(elsewhere, ['backup create', [join(folder, 'backups')]], await databaseForTest())
  expect(made.code).toBe(0)
}
