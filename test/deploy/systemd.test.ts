import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { settings } from '../../src/config/settings.ts'
import { documentsOf, setScene } from '../acceptance/scene.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { ensureInstalled } from '../support/services/packages/install-packages.ts'
import { freshDatabaseOfTwoRoles } from '../support/database/two-roles.ts'
import { beginUpload } from './begin-upload.ts'
import { type Booted, bootSystemd, systemdNeed } from './boot-systemd.ts'
import { maxSecondsToEnd } from './most-seconds-to-end.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const folder = join(root, 'deploy/systemd')
const units = (await readdir(join(folder, 'system'))).filter((name) => name.endsWith('.service')).toSorted()
const [serve, work, migrate] = ['serve', 'work', 'migrate'].map((name) => `paniq-documents-${name}.service`)

/** A root folder with our units, the system's own, and the program that ours start. */
let disk: string
beforeAll(async () => {
  await ensureInstalled([systemdNeed])
  disk = await mkdtemp(join(tmpdir(), 'paniq-units-'))
  await cp(join(folder, 'system'), join(disk, 'etc/systemd/system'), { recursive: true })
  await cp('/usr/lib/systemd/system', join(disk, 'usr/lib/systemd/system'), { recursive: true })
  await cp(join(root, 'bin'), join(disk, 'opt/paniq-documents/bin'), { recursive: true })
})
afterAll(() => rm(disk, { recursive: true, force: true }))

test.each(units)('systemd accepts %s, and the unit is restricted to its work', async (unit) => {
  const verified = await run('systemd-analyze', ['verify', `--root=${disk}`, unit])
  expect(verified).toEqual({ stdout: '', stderr: '' })

  // It fails above the threshold, which is in tenths.
  const words = ['--offline=true', '--threshold=15', '--no-pager', `--root=${disk}`, unit]
  const { stdout } = await run('systemd-analyze', ['security', ...words])
  console.log(stdout.trim().split('\n').at(-1))
})

test('every unit has more time to stop than the service needs, and only the main process gets the signal', async () => {
  expect(units).toEqual([migrate, serve, work])
  for (const unit of [serve, work]) {
    const text = await readFile(join(folder, 'system', unit ?? ''), 'utf8')
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(maxSecondsToEnd + 5)
    expect(text).toMatch(/^KillMode=mixed$/m)
  }
})

test('every name in a unit or an example is a setting, and no example contains a secret', async () => {
  const [hardening, service, owner] = await Promise.all(
    ['system/paniq-documents-.service.d/hardening.conf', 'service.env.example', 'owner.env.example'].map((name) =>
      readFile(join(folder, name), 'utf8'),
    ),
  )
  const inUnits = /^Environment=(.*)$/m.exec(hardening ?? '')?.[1]?.split(' ') ?? []
  const given = [...inUnits, ...`${service}${owner}`.split('\n').filter((line) => /^[A-Z]/.test(line))]
  const pairs = given.map((line) => line.split('=') as [keyof typeof settings, string])

  expect(Object.keys(settings)).toEqual(expect.arrayContaining(pairs.map(([name]) => name)))
  expect(pairs.length).toBeGreaterThan(10)
  expect(pairs.filter(([name, value]) => 'secret' in settings[name] && value !== '')).toEqual([])
})

test(
  'started by systemd with no settings at all, the service brings its database along, may do nothing else, and answers what is under way before it ends',
  { timeout: 180_000 },
  async () => {
    const [port] = await findFreePorts(1)
    const machine = await bootSystemd({ 'service.env': { PORT: String(port) } })
    await machine.control('start', serve ?? '')
    await expect.poll(() => isReady(port), { timeout: 60_000 }).toBe(true)
    expect(await statusOf(machine, serve)).toMatchObject({
      Uid: expect.not.stringMatching(/\b0\b/),
      CapEff: '0000000000000000',
      CapBnd: '0000000000000000',
      NoNewPrivs: '1',
      Seccomp: '2',
    })
    expect(await stateOf(machine, migrate, 'ConditionResult')).toBe('no')

    const scene = await setScene({ url: `http://127.0.0.1:${port}`, admin: undefined })
    const upload = beginUpload(scene)
    await upload.begun
    const stopped = machine.control('stop', serve ?? '')
    await expect.poll(() => machine.log()).toContain('"event":"stopping"')
    expect(await upload.finish()).toMatchObject({ status: 201, body: { storage: 'local' } })
    await stopped
    expect(await stateOf(machine, serve, 'Result')).toBe('success')
    expect(await machine.log()).toContain('embedded_database_stopped')
    expect(await machine.run('find', '/var/lib/paniq', '-perm', '/0077', '-type', 'f', '-path', '*uploads*')).toBe('')

    // Its files exist at the next start.
    await machine.control('start', serve ?? '')
    await expect.poll(() => isReady(port), { timeout: 60_000 }).toBe(true)
    const list = await scene.client.call(`GET ${documentsOf(scene)}`, { token: scene.founder.token })
    expect(list.body).toHaveLength(1)
  },
)

test(
  'beside the platform the owner’s password goes to the migration alone, and API and jobs run apart',
  { timeout: 180_000 },
  async () => {
    const bucket = await freshBucket()
    const database = await freshDatabaseOfTwoRoles()
    onTestFinished(async () => {
      await bucket.remove()
      await database.remove()
    })
    const [port] = await findFreePorts(1)
    const { DATABASE_URL, DATABASE_OWNER_URL } = database.settings
    const key = { JWT_SECRET_KEY: 'a secret that both sides have, and nobody else' }
    const machine = await bootSystemd({
      'service.env': { ...s3Settings(bucket), ...key, DATABASE_URL, PORT: String(port) },
      'owner.env': { DATABASE_OWNER_URL },
    })
    await machine.control('start', serve ?? '', work ?? '')
    await expect.poll(() => isReady(port), { timeout: 60_000 }).toBe(true)

    expect(await stateOf(machine, migrate, 'Result')).toBe('success')
    expect(await stateOf(machine, migrate, 'ConditionResult')).toBe('yes')
    for (const unit of [serve, work]) {
      const environment = await machine.run('cat', `/proc/${await stateOf(machine, unit, 'MainPID')}/environ`)
      expect(environment).toContain('DATABASE_URL=')
      expect(environment).not.toContain('DATABASE_OWNER_URL')
    }
    const scene = await setScene({ url: `http://127.0.0.1:${port}`, admin: undefined })
    expect(await beginUpload(scene).finish()).toMatchObject({ status: 201, body: { storage: 's3' } })
    expect(await machine.run(...byHand(await readFile(join(root, 'deploy/README.md'), 'utf8')))).toContain('1 file, ')
    await machine.control('stop', serve ?? '', work ?? '')
    expect(await Promise.all([serve, work].map((unit) => stateOf(machine, unit, 'Result')))).toEqual([
      'success',
      'success',
    ])
  },
)

/** The command of the page, without its terminal option. */
function byHand(page: string): string[] {
  const line = /^systemd-run .*$/m.exec(page)?.[0] ?? ''
  return line.replace('--pty', '--pipe --wait').split(' ')
}

async function isReady(port: number | undefined): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )
}

async function stateOf(machine: Booted, unit: string | undefined, property: string): Promise<string> {
  return machine.control('show', '--value', '--property', property, unit ?? '')
}

/** The kernel's facts about the unit's process. */
async function statusOf(machine: Booted, unit: string | undefined): Promise<Record<string, string>> {
  const text = await machine.run('cat', `/proc/${await stateOf(machine, unit, 'MainPID')}/status`)
  return Object.fromEntries(
    text.split('\n').map((line) => line.split(':').map((part) => part.trim())) as [string, string][],
  )
}
