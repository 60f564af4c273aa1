import { join } from 'node:path'

import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'

import { withDatabase } from '../../src/cli/command/with-database.ts'
import { loadConfigWithoutTokens } from '../../src/config/load-config.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { serverPid } from '../embedded/data-folder.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings as s3SettingsOf } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { launcher, makeWorkFolder, startCommand, startOnTerminal } from '../support/cli/run-command.ts'
import { s3Settings } from '../support/cli/s3-settings.ts'
import { openStoreInBetween } from '../support/cli/s3-proxy.ts'
import { Interrupted } from '../../src/cli/printing/explain-failure.ts'

const ctrlC = '\u0003'
const person = ['--email', 'thandi@firm.example', '--first-name', 'Thandi', '--last-name', 'Nkosi']

test.each([
  ['cost estimate', ['cost', 'estimate']],
  ['verify', ['verify']],
  ['users create', ['users', 'create', ...person, '--password-stdin']],
])(
  '%s that gets a signal before it has begun prints that, and the embedded database ends too',
  async (_name, words) => {
    const folder = await makeWorkFolder()
    const command = startCommand(folder, words)
    await expect.poll(() => serverPid(join(folder, 'data')), { interval: 5 }).toBeDefined()

    command.signal('SIGINT')
    const { code, stdout, stderr } = await command.ended()
    expect([code, stdout]).toEqual([130, ''])
    expect(stderr).toContain('stopped before it finished. Run it again.')
    expect(serverPid(join(folder, 'data'))).toBeUndefined()
  },
)

test.each([
  ['migrate to-local'],
  ['drain'],
  ['backup verify s3://elsewhere/paniq'],
  ['backup restore s3://elsewhere/paniq'],
  ['audit verify'],
])('%s that gets a signal while S3 does not answer prints that and ends, without mentioning S3', async (words) => {
  const silent = await openSilentStore()
  const command = startOnTerminal(await makeWorkFolder(), `exec ${launcher} ${words}`, {
    ...(await databaseForTest()),
    AUDIT_HEADS: 's3://evidence/heads/',
    AWS_ENDPOINT_URL_S3: silent.address,
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'x',
  })
  await silent.untilAsked()

  command.type(ctrlC)
  const { code, stdout } = await command.ended()
  expect(code).toBe(130)
  expect(stdout.match(/Stopping\. Press Ctrl-C again to stop at once\./g)).toHaveLength(1)
  expect(stdout).toContain('The command was stopped before it finished. Run it again.')
  expect(stdout).not.toContain('S3')
})

test('purge --now with a silent S3 destroys nothing after a signal', async () => {
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  const settings = { ...(await databaseForTest()), ...s3SettingsOf(bucket), USE_S3_STORAGE: 'true' }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const { firm, admin } = await firmWithAdmin(service)
  await uploadDocument(service.url, firm, admin)
  const silent = await openSilentStore()
  const line = `exec ${launcher} purge --now`
  const command = startOnTerminal(await makeWorkFolder(), line, { ...settings, AWS_ENDPOINT_URL_S3: silent.address })
  await silent.untilAsked()

  command.type(ctrlC)
  const ended = await command.ended()
  expect(ended.code).toBe(130)
  expect(ended.stdout).toContain('The command was stopped before it finished. Run it again.')
})

test('s3 test that gets a signal deletes its object, begins no further step, and prints that', async () => {
  const calls: string[] = []
  const endpoint = await openStoreInBetween({
    answer(call) {
      calls.push(call)
      // The put object is read back, and that request gets no answer.
      return call === 'GET object' ? 'silence' : { status: 200 }
    },
  })
  const command = startCommand(
    await makeWorkFolder(),
    ['s3', 'test'],
    s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint }),
  )
  await expect.poll(() => calls, { interval: 5 }).toContain('GET object')

  command.signal('SIGINT')
  const { code, stdout, stderr } = await command.ended()
  expect([code, stderr]).toEqual([1, ''])
  expect(calls.slice(calls.indexOf('GET object') + 1)).toEqual(['DELETE object'])
  expect(stdout).toMatch(/✓ Put .+\n✓ Delete it .+\nStopped before the end: this result says nothing about the rest\./)
})

test('a command that waits for input ends on a signal and releases the database', async () => {
  const config = loadConfigWithoutTokens(await databaseForTest())
  const ending = new AbortController()
  let db: Db | undefined
  const working = withDatabase({ config, log: pino({ level: 'silent' }), signal: ending.signal }, async (database) => {
    db = database.db
    ending.abort(new Interrupted())
    return new Promise(() => undefined)
  })

  await expect(working).rejects.toBeInstanceOf(Interrupted)
  await expect(sql`select 1`.execute(requireOpened(db))).rejects.toThrow('driver has already been destroyed')
})

/** An S3 that accepts requests and never answers. */
async function openSilentStore() {
  const proxy = await startFaultProxy({ port: 9 })
  onTestFinished(proxy.close)
  proxy.setFault({ kind: 'hang' })
  return {
    address: `http://127.0.0.1:${proxy.port}`,
    untilAsked: async () => expect.poll(() => proxy.connections(), { interval: 5 }).toBeGreaterThan(0),
  }
}

function requireOpened(db: Db | undefined): Db {
  if (db === undefined) throw new Error('the work was not begun')
  return db
}
