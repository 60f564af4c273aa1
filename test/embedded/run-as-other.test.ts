import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

import { copyPrograms, findPrograms } from '../../src/database/embedded/programs.ts'
import { openEmbeddedPostgres } from '../../src/database/embedded/open-embedded.ts'
import { copyCheckout, type Copy } from './copy-checkout.ts'
import { makeFolder, nameDataDir, serverPid, stopAnyServer } from './data-folder.ts'
import { startService } from './service-process.ts'

const log = pino({ level: 'silent' })
const nobody = 65_534

/** The uid of the process, the uid of its server's data, and the capabilities of that server. */
async function describeServer(dataDir: string) {
  const pid = serverPid(dataDir)
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return {
    uid: Number(/^Uid:\t(\d+)/m.exec(status)?.[1]),
    groups: /^Groups:[\t ]*(.*?) *$/m.exec(status)?.[1],
    rights: BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)?.[1]}`),
    environment: await readFile(`/proc/${pid}/environ`, 'utf8'),
  }
}

// Only root can change the user, so the possible tests depend on the user who runs them.
const [asRoot, asUser] = process.getuid?.() === 0 ? [['root'], []] : [[], ['a normal user']]

test.for(asUser)('started by %s, the server runs as that user', async () => {
  const dataDir = await nameDataDir()
  const { close } = await openEmbeddedPostgres({ dataDir, log })
  onTestFinished(close)

  const { uid, rights } = await describeServer(dataDir)
  expect({ uid, rights }).toEqual({ uid: process.getuid?.(), rights: 0n })
})

describe.for(asRoot)('started by %s', () => {
  let packages: string
  let copy: Copy

  beforeAll(async () => {
    packages = await mkdtemp(join(tmpdir(), 'paniq-embedded-'))
    await chmod(packages, 0o755)
    copy = await copyCheckout(packages)
  })
  afterAll(async () => rm(packages, { recursive: true }))

  test('the server runs as nobody without capabilities, and root’s own files in DATA_DIR stay root’s', async () => {
    const dataDir = await nameDataDir()
    await mkdir(dataDir, { mode: 0o700 })
    await writeFile(join(dataDir, 'jwt-secret'), 'secret', { mode: 0o600 })
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-for-the-server')
    onTestFinished(() => void vi.unstubAllEnvs())
    const said: string[] = []
    const noting = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) })
    const { close } = await openEmbeddedPostgres({ dataDir, log: noting })
    onTestFinished(close)

    expect(said).toEqual([expect.stringContaining('the embedded database runs as nobody')])
    const { uid, groups, rights, environment } = await describeServer(dataDir)
    expect({ uid, groups, rights }).toEqual({ uid: nobody, groups: '', rights: 0n })
    expect(environment).not.toContain('AWS_SECRET_ACCESS_KEY')
    const secret = await stat(join(dataDir, 'jwt-secret'))
    expect([secret.uid, secret.mode & 0o777]).toEqual([0, 0o600])
    expect((await stat(dataDir)).uid).toBe(0)
  })

  test('in a folder of mktemp -d the cluster goes to a folder that its user can enter, and a second start finds it', async () => {
    const dataDir = join(packages, 'data')
    await chmod(packages, 0o700)
    onTestFinished(async () => {
      await stopAnyServer(dataDir)
      await removeCluster(dataDir)
      await chmod(packages, 0o755)
    })
    const service = startService(dataDir, copy)
    const { owner } = await service.opened()

    const { uid, rights } = await describeServer(dataDir)
    expect({ uid, rights }).toEqual({ uid: nobody, rights: 0n })
    const cluster = await readlink(join(dataDir, 'postgresql'))
    expect(service.said()).toContain(`the embedded database is in ${cluster}`)
    expect((await stat(cluster)).mode & 0o777).toBe(0o700)
    expect((await stat(packages)).mode & 0o777).toBe(0o700)
    const client = new Client(owner)
    await client.connect()
    await client.query('CREATE TABLE documents (id int)')
    await client.end()
    await service.close()
    expect(serverPid(dataDir)).toBeUndefined()

    const again = startService(dataDir, copy)
    const client2 = new Client((await again.opened()).owner)
    await client2.connect()
    expect((await client2.query('SELECT id FROM documents')).rowCount).toBe(0)
    await client2.end()
    await again.close()
    expect(await readlink(join(dataDir, 'postgresql'))).toBe(cluster)
  })

  test('a missing cluster outside of DATA_DIR is not replaced by an empty one', async () => {
    const dataDir = await nameDataDir()
    await mkdir(dataDir)
    await symlink('/var/lib/paniq-documents/data-missing', join(dataDir, 'postgresql'))

    await expect(openEmbeddedPostgres({ dataDir, log })).rejects.toThrow(/data-missing, which is missing/)
  })

  test('a cluster in a folder that its user cannot enter is not opened, and the error names the folder', async () => {
    const closed = await makeFolder()
    const dataDir = join(closed, 'data')
    onTestFinished(async () => stopAnyServer(dataDir))
    await (await openEmbeddedPostgres({ dataDir, log })).close()
    await chmod(closed, 0o700)

    await expect(openEmbeddedPostgres({ dataDir, log })).rejects.toThrow(`cannot enter ${dataDir}`)
  })

  test('the programs are copied once to a folder that only root can write', async () => {
    const parent = join(await makeFolder(), 'shelf')
    const folders = await Promise.all([1, 2].map(async () => copyPrograms(findPrograms(), log, parent)))

    expect(new Set(folders).size).toBe(1)
    expect(await readdir(parent)).toEqual([`postgresql-${findPrograms().version}`])
    const [folder = ''] = folders
    const entries = await readdir(folder, { withFileTypes: true, recursive: true })
    const paths = entries
      .filter((entry) => !entry.isSymbolicLink())
      .map(({ parentPath, name }) => join(parentPath, name))
    for (const path of [folder, ...paths]) {
      const { uid, mode } = await lstat(path)
      expect([path, uid, mode & 0o022]).toEqual([path, 0, 0])
    }
    expect(await readlink(join(folder, 'lib/libpq.so.5'))).toMatch(/^libpq[.\d\w]+$/)
    const version = spawnSync(join(folder, 'bin/postgres'), ['--version'], { uid: nobody, gid: nobody })
    expect(version.stdout.toString()).toContain(`PostgreSQL) ${findPrograms().major}`)
  })

  test('programs in a folder that others can write are not run', async () => {
    const parent = join(await makeFolder(), 'shelf')
    await mkdir(parent)
    await chmod(parent, 0o777)
    await expect(copyPrograms(findPrograms(), log, parent)).rejects.toThrow(/other users than root can write there/)

    await chmod(parent, 0o755)
    const folder = join(parent, `postgresql-${findPrograms().version}`)
    await mkdir(folder)
    await chown(folder, nobody, nobody)
    await expect(copyPrograms(findPrograms(), log, parent)).rejects.toThrow(/other users than root can write there/)
  })

  test('a normal user starts it with packages that only root can write, root joins, and the user continues', async () => {
    const user = makeUser()
    const home = await makeFolder()
    await chown(home, user.uid, user.gid)
    const dataDir = join(home, 'data')
    onTestFinished(async () => stopAnyServer(dataDir))

    const first = startService(dataDir, { ...copy, user })
    await first.opened()
    expect((await describeServer(dataDir)).uid).toBe(user.uid)
    expect(existsSync(join(copy.programs, 'lib/libpq.so.5'))).toBe(false)
    expect(await readlink(join(dataDir, 'postgresql-libraries/libpq.so.5'))).toContain(copy.programs)
    await first.close()

    const root = await openEmbeddedPostgres({ dataDir, log })
    expect([root.how, (await describeServer(dataDir)).uid]).toEqual(['started', user.uid])
    const second = startService(dataDir, { ...copy, user })
    expect((await second.opened()).how).toBe('joined')
    await root.close()
    await second.close()
    expect(serverPid(dataDir)).toBeUndefined()
  })

  test('a normal user gets the owner’s name for a database of root', async () => {
    const user = makeUser()
    const dataDir = await nameDataDir()
    await mkdir(dataDir)
    const { close } = await openEmbeddedPostgres({ dataDir, log })
    await close()

    const refused = startService(dataDir, { ...copy, user })
    await refused.ended()
    expect(refused.said()).toMatch(/DATA_DIR: .* cannot write to\. Allow it to read and write there, or name another\./)
    await chmod(dataDir, 0o777)
    const owned = startService(dataDir, { ...copy, user })
    await owned.ended()
    expect(owned.said()).toContain(`belongs to another user (uid ${nobody})`)
  })
})

async function removeCluster(dataDir: string): Promise<void> {
  await rm(await readlink(join(dataDir, 'postgresql')), { recursive: true, force: true, maxRetries: 5 })
}

function makeUser(): { uid: number; gid: number } {
  const name = `paniq${process.pid}${Math.floor(performance.now())}`
  const made = spawnSync('useradd', ['--system', '--no-create-home', '--user-group', name])
  if (made.status !== 0) throw new Error(`useradd failed: ${made.stderr.toString()}`)
  onTestFinished(() => void spawnSync('userdel', [name]))
  const [uid = Number.NaN, gid = Number.NaN] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, name]).stdout.toString()),
  )
  return { uid, gid }
}
