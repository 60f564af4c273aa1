import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { settings } from '../../src/config/settings.ts'
import { documentsOf, setScene } from '../acceptance/scene.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { openPodman, type Podman } from '../support/services/programs/podman.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { beginUpload, document } from './begin-upload.ts'
import { buildImage, root } from './build-image.ts'
import { exitCode, runContainer } from './run-container.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

let folder: string
let podman: Podman
let image: string
let bucket: FreshBucket
let database: TwoRoles

/** Cleans up completed steps, also if a later one fails. */
const closing = new AsyncDisposableStack()

beforeAll(async () => {
  folder = await makePassableFolder('paniq-container-')
  closing.defer(() => rm(folder, { recursive: true, force: true }))
  podman = await openPodman(join(folder, 'podman'))
  closing.defer(() => podman.remove())
  image = await buildImage(podman, folder)
  bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  database = await freshDatabaseOfTwoRoles()
  closing.defer(() => database.remove())
}, 600_000)
afterAll(() => closing.disposeAsync(), 120_000)

/** The capabilities that the page drops, and the in-memory folders that podman would otherwise add. */
const nothingToSpare = [...(await optionsOfPage()), '--read-only-tmpfs=false']

test('the image runs as an unprivileged user, with existing settings, a health check and a stop signal', async () => {
  const [found] = JSON.parse(await podman.run(['image', 'inspect', image])) as [Inspected]
  const { Config: config } = found

  expect(config).toMatchObject({
    User: '10001:10001',
    StopSignal: 'SIGTERM',
    Entrypoint: ['/app/bin/paniq-docs'],
    Cmd: ['serve'],
    Volumes: { '/var/lib/paniq/data': {}, '/var/lib/paniq/uploads': {} },
  })
  expect(found.Healthcheck.Test.join(' ')).toContain('/healthz')
  expect(found.Labels['org.opencontainers.image.title']).toBe('Paniq Documents')
  const names = config.Env.map((each) => each.replace(/=.*/, '')).filter((name) => name !== 'PATH')
  expect(names.toSorted()).toEqual(['DATA_DIR', 'HOST', 'PORT', 'UPLOADS_DIR'])
  expect(Object.keys(settings)).toEqual(expect.arrayContaining(names))

  console.log(`the image: ${Math.round(found.Size / 1e6)} MB`)
  expect(found.Size).toBeLessThan(340e6)
})

type Inspected = {
  Size: number
  Labels: Record<string, string>
  Healthcheck: { Test: string[] }
  Config: { User: string; Env: string[]; Volumes: Record<string, unknown> }
}

/** Runs in the image as root, so that it can read everything. */
const lookAround = `
const { readdirSync, lstatSync } = require('node:fs')
const found = { packages: [], programs: [], tests: [], writable: [], raising: [], headers: [] }
const walk = (folder) => {
  for (const entry of readdirSync(folder || '/', { withFileTypes: true })) {
    const path = folder + '/' + entry.name
    if (['/proc', '/sys', '/dev'].includes(path) || entry.isSymbolicLink()) continue
    const { mode, uid } = lstatSync(path)
    if (uid === 10001 || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)) found.writable.push(path)
    if (mode & 0o6000 && entry.isFile()) found.raising.push(path)
    if (/^\\/app\\/(src|bin)\\/.*\\.test\\.ts$/.test(path)) found.tests.push(path)
    if (/\\/include\\/.*\\.h$|\\.a$/.test(path)) found.headers.push(path)
    if (entry.isDirectory()) walk(path)
    else if (/^\\/(usr\\/)?s?bin\\//.test(path)) found.programs.push(entry.name)
  }
}
walk('')
found.packages = readdirSync('/app/node_modules').filter((name) => !name.startsWith('.'))
console.log(JSON.stringify(found))
`

test('the image has what the service needs, and no developer tools, compilers or other programs', async () => {
  const words = [
    'run',
    '--rm',
    '--cgroups',
    'disabled',
    '--network',
    'none',
    '--user',
    '0',
    '--entrypoint',
    '/app/node_modules/.bin/node',
  ]
  const found = JSON.parse(await podman.run([...words, image, '-e', lookAround])) as Record<string, string[]>

  expect(found).toMatchObject({ tests: [], raising: [], headers: [] })
  expect(found['writable']).toEqual(['/var/lib/paniq/data', '/var/lib/paniq/uploads'])
  expect(found['packages']).toEqual(expect.arrayContaining(['fastify', 'kysely', 'pg']))
  for (const unwanted of ['vitest', 'typescript', 'oxlint', 'npm', 'fast-check'])
    expect(found['packages']).not.toContain(unwanted)
  expect(found['programs']).toContain('dash')
  for (const unwanted of ['npm', 'gcc', 'cc', 'make', 'apt-get', 'curl', 'perl', 'python3'])
    expect(found['programs']).not.toContain(unwanted)
})

test(
  'beside the platform, with nothing but its volumes to write to, it takes a document to S3, and ends once the upload under way is answered',
  { timeout: 180_000 },
  async () => {
    expect(nothingToSpare).toEqual(expect.arrayContaining(['--read-only', '--cap-drop', 'no-new-privileges']))
    const common = { ...s3Settings(bucket), JWT_SECRET_KEY: 'a secret that both sides have, and nobody else' }
    const asOwner = await runContainer(podman, image, {
      settings: { ...common, ...database.settings },
      options: nothingToSpare,
      command: ['db', 'migrate'],
    })
    expect([await exitCode(podman, asOwner.name), await asOwner.log()]).toEqual([
      0,
      expect.stringContaining('up to date'),
    ])

    const service = await runContainer(podman, image, {
      settings: { ...common, DATABASE_URL: database.settings.DATABASE_URL, S3_FALLBACK: 'off' },
      options: nothingToSpare,
    })
    await service.untilLogged(/"event":"started"/)
    await podman.run(['healthcheck', 'run', service.name])
    const scene = await setScene({ url: service.url, admin: undefined })
    const upload = beginUpload(scene)
    await upload.begun
    const ended = service.end()
    await service.untilLogged(/"event":"stopping"/)
    const { status, body } = await upload.finish()

    expect({ status, body }).toMatchObject({ status: 201, body: { storage: 's3' } })
    expect(await ended).toBe(0)
    expect(await service.log()).toContain('"event":"stopped"')
    expect(await service.log()).not.toContain('stopping_late')
    const kept = (await listBucket(bucket.client, bucket.name)).map(({ key }) => key)
    expect(kept.filter((key) => key.startsWith(`security_firms/${scene.firmId}/`))).toHaveLength(1)
    expect(await writtenIn(service.name)).toEqual([])
  },
)

test(
  'started with nothing at all, it brings its database along, keeps all in its volumes, and has it again after an end',
  { timeout: 180_000 },
  async () => {
    // A writable root file system, so that a write there is detected.
    const service = await runContainer(podman, image)
    await service.untilLogged(/"event":"started"/)
    const scene = await setScene({ url: service.url, admin: undefined })
    const upload = beginUpload(scene)
    const answer = await upload.finish()
    expect(answer).toMatchObject({ status: 201, body: { storage: 'local' } })
    const password = '/var/lib/paniq/data/initial-admin-password'
    expect(await podman.run(['exec', service.name, 'cat', password])).toContain('admin@paniq.local')
    const { id } = answer.body as { id: string }
    expect(await service.end()).toBe(0)
    expect(await service.log()).toContain('embedded_database_stopped')
    expect(await writtenIn(service.name)).toEqual([])

    await service.startAgain()
    await expect
      .poll(() =>
        fetch(`${service.url}/readyz`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200)
    const back = await scene.client.call(`GET ${documentsOf(scene)}/${id}/download`, { token: scene.founder.token })
    expect(back.bytes.equals(document)).toBe(true)
    expect(await service.end()).toBe(0)
  },
)

test(
  'under a user without a name the embedded database is refused in one line that says what to do',
  { timeout: 60_000 },
  async () => {
    const volumes = ['data', 'uploads'].flatMap((name) => ['--tmpfs', `/var/lib/paniq/${name}:mode=1777`])
    const service = await runContainer(podman, image, {
      options: [...volumes, '--user', '4711:4711', '--passwd=false'],
    })

    expect(await exitCode(podman, service.name)).toBe(1)
    const said = (await service.log())
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'))
    expect(said).toEqual([expect.stringMatching(/^DATABASE_URL is not set.* 4711.*Set DATABASE_URL to use another\.$/)])
  },
)

/** The options of the page's command for a first start, without name, ports and volumes. */
async function optionsOfPage(): Promise<string[]> {
  const page = await readFile(join(root, 'deploy/README.md'), 'utf8')
  const [, line = ''] = /^podman run (.*) paniq-documents$/m.exec(page) ?? []
  return line
    .replaceAll(/(^| )(-d|--name \S+|-p \S+|-v \S+)(?= |$)/g, '')
    .trim()
    .split(' ')
}

/** Files that were added or changed outside of the volumes. podman itself writes `/etc/hosts` and similar files. */
async function writtenIn(name: string): Promise<string[]> {
  const changes = await podman.run(['diff', name])
  return changes.split('\n').filter((line) => line !== '' && line !== 'C /etc')
}
