import { join } from 'node:path'

import { expect, test } from 'vitest'

import { serverPid } from '../embedded/data-folder.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import {
  checkout,
  storedBelow,
  launcher,
  makeWorkFolder,
  runCommand,
  startOnTerminal,
} from '../support/cli/run-command.ts'

/** The expected lines in their order. */
const startBlock =
  /answers at (\S+)\r\nAdministrator: .+\r\nStorage: .+\r\nScanner: .+\r\nMail: off.+\r\nSecond factor: .+\r\nTry next: curl .+\r\nCtrl-C stops the service\.\r\n/
const ctrlC = '\u0003'
const password = 'correct horse battery'

test('npm start on a terminal prints the start block last, then one line per request; one Ctrl-C stops everything', async () => {
  const folder = await makeWorkFolder()
  const service = startOnTerminal(checkout, 'npm start', storedBelow(folder))
  await service.untilSaid(/password, shown only this once: [\w-]{24}\r\n/)
  const [, address = ''] = await service.untilSaid(startBlock)
  await fetch(`${address}/api/v1/document-types`)
  await service.untilSaid(/^GET \/api\/v1\/document-types 401 \d+ ms\r$/m)

  service.type(ctrlC)
  const { stdout } = await service.ended()
  expect(stdout).toMatch(/INFO.*stopped/)
  expect(stdout).not.toContain('"level":')
  const [, afterBlock = ''] = stdout.split('Ctrl-C stops the service.\r\n\r\n')
  expect(afterBlock).toMatch(/^GET /)
  expect(afterBlock).not.toMatch(/^ {4}\w+:/m)
  expect(serverPid(join(folder, 'data'))).toBeUndefined()
})

test('a password is asked for twice and not shown', async () => {
  const command = startOnTerminal(await makeWorkFolder(), createUser, await databaseForTest())
  await command.untilSaid(/New password for thandi@firm\.example/)
  command.type(`${password}\r`)
  await command.untilSaid(/Repeat it/)
  command.type(`${password}\r`)

  const { code, stdout } = await command.ended()
  expect(code).toBe(0)
  expect(stdout).toContain('thandi@firm.example can log in')
  expect(stdout).not.toContain('correct')
})

test('two different passwords create no account', async () => {
  const command = startOnTerminal(await makeWorkFolder(), createUser)
  await command.untilSaid(/New password/)
  command.type(`${password}\r`)
  await command.untilSaid(/Repeat it/)
  command.type(`${password}!\r`)
  expect(await command.ended()).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was changed') })
})

test('Ctrl-C at the prompt creates no account', async () => {
  const command = startOnTerminal(await makeWorkFolder(), createUser)
  await command.untilSaid(/New password/)
  command.type(ctrlC)
  expect(await command.ended()).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was changed') })
})

test('a password is not read from a terminal that would show it', async () => {
  const command = startOnTerminal(await makeWorkFolder(), `${createUser} --password-stdin`)
  const { code, stdout } = await command.ended()
  expect(code).toBe(2)
  expect(stdout).toContain('standard input is the terminal')
})

test.each([
  ['users set-password --email nobody@example.com', 'There is no account with the e-mail nobody@example.com.'],
  [
    'users create --email thandi@firm.example --first-name T --last-name N',
    'An account with this e-mail already exists',
  ],
])('no password is requested if the command must fail: %s', async (words, says) => {
  const settings = await databaseForTest()
  const input = `${password}\n`
  const made = await runCommand(await makeWorkFolder(), createUser.split(' ').slice(1).concat('--password-stdin'), {
    settings,
    input,
  })
  expect(made).toMatchObject({ code: 0 })

  const { code, stdout } = await startOnTerminal(await makeWorkFolder(), `${launcher} ${words}`, settings).ended()

  expect(code).toBe(1)
  expect(stdout).toContain(says)
  expect(stdout).not.toContain('New password')
})

test('a terminal gets colours, unless NO_COLOR is set', async () => {
  const green = '\u001b[32m✓'
  const settings = await databaseForTest()
  const line = `${launcher} db migrate`
  const colourful = startOnTerminal(await makeWorkFolder(), line, settings)
  expect((await colourful.ended()).stdout).toContain(green)
  const plain = startOnTerminal(await makeWorkFolder(), line, { ...settings, NO_COLOR: '1' })
  expect((await plain.ended()).stdout).not.toContain('\u001b[')
})

const createUser = `${launcher} users create --email thandi@firm.example --first-name Thandi --last-name Nkosi`
