import { join } from 'node:path'

import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, test } from 'vitest'

import { ToldToEnd } from '../../src/cli/failures.ts'
import { withDatabase } from '../../src/cli/with-database.ts'
import { loadConfigWithoutTokens } from '../../src/config.ts'
import type { Db } from '../../src/database/client.ts'
import { serverPid } from '../embedded/data-folder.ts'
import { databaseForTest } from './database-settings.ts'
import { makeWorkFolder, startCommand } from './run-command.ts'

const person = ['--email', 'thandi@firm.example', '--first-name', 'Thandi', '--last-name', 'Nkosi']

test.each([
  ['cost estimate', ['cost', 'estimate']],
  ['verify', ['verify']],
  ['users create', ['users', 'create', ...person, '--password-stdin']],
])('%s that is told to end before it has begun says so, and the embedded database ends too', async (_name, words) => {
  const folder = await makeWorkFolder()
  const command = startCommand(folder, words)
  await expect.poll(() => serverPid(join(folder, 'data')), { timeout: 20_000, interval: 5 }).toBeDefined()

  command.signal('SIGINT')
  const { code, stdout, stderr } = await command.ended()
  expect([code, stdout]).toEqual([130, ''])
  expect(stderr).toContain('told to end before it was done. Give the same line again.')
  expect(serverPid(join(folder, 'data'))).toBeUndefined()
})

test('what waits for a person is told to end too, and lets go of the database', async () => {
  const config = loadConfigWithoutTokens(await databaseForTest())
  const telling = new AbortController()
  let db: Db | undefined
  const working = withDatabase({ config, log: pino({ level: 'silent' }), signal: telling.signal }, async (database) => {
    db = database.db
    telling.abort(new ToldToEnd())
    return new Promise(() => undefined)
  })

  await expect(working).rejects.toBeInstanceOf(ToldToEnd)
  await expect(sql`select 1`.execute(requireOpened(db))).rejects.toThrow('driver has already been destroyed')
})

function requireOpened(db: Db | undefined): Db {
  if (db === undefined) throw new Error('the work was not begun')
  return db
}
