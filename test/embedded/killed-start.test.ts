import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { pino } from 'pino'
import { expect, test } from 'vitest'

import { openEmbeddedPostgres } from '../../src/database/embedded/open-embedded.ts'
import { nameDataDir, serverPid, until } from './data-folder.ts'
import { startService } from './service-process.ts'

const log = pino({ level: 'silent' })

/** Moments of a first start, each recognised by the contents of DATA_DIR. */
const moments: [string, (names: string[], dataDir: string) => boolean][] = [
  ['when the lock was just taken', (names) => names.includes('postgresql.lock')],
  ['when initdb was about to begin', (names) => names.some(isUnfinished)],
  ['in the middle of initdb', (names, dataDir) => names.some((name) => isUnfinished(name) && hasBase(dataDir, name))],
  ['when the cluster just got its name', (names) => names.includes('postgresql')],
  ['when the server was just started', (_, dataDir) => serverPid(dataDir) !== undefined],
]

test.for(moments)('a first start killed %s does not prevent the second', async ([, reached]) => {
  const dataDir = await nameDataDir()
  const killed = startService(dataDir)
  await until(async () => existsSync(dataDir) && reached(await readdir(dataDir), dataDir))
  await killed.kill('SIGKILL')

  const second = await openEmbeddedPostgres({ dataDir, log })
  await second.close()
  expect(serverPid(dataDir)).toBeUndefined()

  // The killed start's initdb may have continued for a moment. The next start removes what is left.
  const third = await openEmbeddedPostgres({ dataDir, log })
  expect(third.how).toBe('started')
  await third.close()
  expect((await readdir(dataDir)).filter(isUnfinished)).toEqual([])
})

test('a power failure during the first start does not prevent the second', async () => {
  const dataDir = await nameDataDir()
  const killed = startService(dataDir)
  await until(() => serverPid(dataDir) !== undefined)
  process.kill(serverPid(dataDir) ?? Number.NaN, 'SIGKILL')
  await killed.kill('SIGKILL')

  const second = await openEmbeddedPostgres({ dataDir, log })
  expect(second.how).toBe('started')
  await second.close()
})

function isUnfinished(name: string): boolean {
  return name.startsWith('postgresql.new-')
}

function hasBase(dataDir: string, name: string): boolean {
  return existsSync(join(dataDir, name, 'base', '1', 'PG_VERSION'))
}
