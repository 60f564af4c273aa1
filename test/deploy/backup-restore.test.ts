import { execFile } from 'node:child_process'
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

import type { ICronJob } from 'kubernetes-models/batch/v1'
import { beforeAll, expect, test } from 'vitest'

import { readSigningKey } from '../../src/backup/open-backup.ts'
import { settings as known } from '../../src/config/settings.ts'
import { launcher } from '../support/cli/run-command.ts'
import { emptyFolder, makeBackup, documentsFor, locationWithDocuments, problemsOf } from '../backup/backup-scene.ts'
import { freshKeys } from '../backup/fresh-keys.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { ensureInstalled, findProgram } from '../support/services/packages/install-packages.ts'
import { systemdNeed } from './boot-systemd.ts'
import { findObjections } from './check-manifests.ts'
import { kustomize } from './kustomize.ts'
import { type Ended, script } from './run-backup-script.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const folder = join(root, 'deploy/backup-restore')
const keys = freshKeys()

const rsyncNeed = {
  service: 'a copier of folders (rsync)',
  packages: ['rsync'],
  aboutMegabytes: 1,
  variables: [],
  missing: async () => ((await findProgram('rsync')) ? [] : ['rsync']),
}
beforeAll(async () => ensureInstalled([rsyncNeed, systemdNeed]))

const scene = sceneOfFile(async (closing) => {
  const { service } = await documentsFor(closing)
  const place = await emptyFolder(closing)
  await makeBackup(service, place, { key: readSigningKey(keys.private) })
  return { place }
})

async function copyOfBackups(): Promise<string> {
  const copy = await emptyFolder()
  await cp(scene.place, copy, { recursive: true })
  return copy
}

async function keyFile(): Promise<string> {
  const path = join(await emptyFolder(), 'backup-key.pub.pem')
  await writeFile(path, keys.public)
  return path
}

test('the drill restores the newest backup, compares every hash, reports the result, and leaves nothing', async () => {
  const scratch = await emptyFolder()
  const report = join(scratch, 'report.txt')

  const ended = await script('drill.sh', [scene.place, await keyFile()], { SCRATCH: scratch, REPORT: report })

  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toMatch(/4 files, 14\.0 KB: unchanged/)
  expect(ended.stdout).toMatch(/is restored: 4 files, 14\.0 KB, each read back/)
  expect(ended.stdout).toMatch(/✓ 4 files, 14\.0 KB: no problem found\./)
  expect(ended.stdout).toMatch(/✓ \d+ events under \d+ seals?: unchanged since they were sealed\./)
  expect(ended.stdout).toMatch(/✓ The backup is good; the drill took \d+ s\.\n$/)
  expect(await readFile(report, 'utf8')).toBe(ended.stdout)
  expect(await readdir(scratch)).toEqual(['report.txt'])
})

test('the drill of a backup with one changed file fails and names the file', async () => {
  const place = await copyOfBackups()
  const [first = ''] = await readdir(join(place, 'files'))
  const [name = ''] = await readdir(join(place, 'files', first))
  const file = join(place, 'files', first, name)
  const bytes = await readFile(file)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  await writeFile(file, bytes)

  const ended = await script('drill.sh', [place, await keyFile()])

  expect(ended.code).toBe(1)
  expect(ended.stdout).toContain(`files/${first}/${name}: its bytes differ from those that were stored`)
  expect(ended.stdout).toMatch(/✗ The drill failed: \d of 4 steps\.\n$/)
})

test('the nightly script creates a signed backup, and never two at once', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  const key = join(place.folder, 'key.pem')
  await writeFile(key, keys.private)
  const env = { ...place.settings, SIGN_KEY: key }

  const [waits, go] = [join(place.folder, 'waits'), join(place.folder, 'go')]
  await writeFile(
    waits,
    `#!/bin/sh\nfor _ in $(seq 1200); do [ ! -e '${go}' ] || break; sleep 0.05; done\nexec '${launcher}' "$@"\n`,
    {
      mode: 0o700,
    },
  )
  const backup = async () => script('backup.sh', [place.backups], { ...env, PANIQ_DOCS: waits })

  const both = [backup(), backup()]
  await Promise.race(both)
  await writeFile(go, '')
  const ends = await Promise.all(both)

  expect(ends.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 1])
  expect(ends.find(({ code }) => code === 1)?.stderr).toMatch(/^A backup to \S+ is running or being copied/)
  expect(await readdir(join(place.backups, 'backups'))).toHaveLength(1)
})

test('an off-site copy is a valid backup, also after a second copy', async () => {
  const target = await emptyFolder()
  const place = await copyOfBackups()

  const ended = await script('copy-off-site.sh', [place, target])
  const again = await script('copy-off-site.sh', [place, target])

  expect([ended, again].map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
  ])
  expect(await problemsOf(target)).toEqual([])
})

test('an interrupted off-site copy is not a backup, and is one after it is repeated', async () => {
  const [place, bin] = [await copyOfBackups(), await emptyFolder()]
  const rsync = (await findProgram('rsync')) ?? ''
  // The copy is interrupted after this number of its parts.
  await writeFile(
    join(bin, 'rsync'),
    `#!/bin/sh\n${rsync} "$@"\necho >> "$COUNT"\n[ "$(wc -l < "$COUNT")" -lt "$CUT" ]\n`,
    { mode: 0o700 },
  )
  const there: string[][] = []
  for (const CUT of ['1', '2', '3']) {
    const target = await emptyFolder()
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, COUNT: join(await emptyFolder(), 'count'), CUT }

    expect(await script('copy-off-site.sh', [place, target], env)).toMatchObject({ code: 1 })
    const names = await readdir(target, { recursive: true })
    there.push(['files', 'tables', 'manifest.json'].filter((each) => names.some((name) => basename(name) === each)))

    expect(await script('copy-off-site.sh', [place, target])).toMatchObject({ code: 0 })
    expect(await problemsOf(target)).toEqual([])
  }

  expect(there).toEqual([['files'], ['files', 'tables'], ['files', 'tables', 'manifest.json']])
})

test('an off-site copy has no backup that finished during the copy', async () => {
  const [place, target, bin] = [await copyOfBackups(), await emptyFolder(), await emptyFolder()]
  const [name = ''] = await readdir(join(place, 'backups'))
  const late = join(place, 'backups', name.replace(/^\d{4}/, '2999'))
  await cp(join(place, 'backups', name), late, { recursive: true })
  await writeFile(join(late, 'unfinished.json'), '{}')
  const rsync = (await findProgram('rsync')) ?? ''
  // The backup ends when the first part was copied.
  await writeFile(
    join(bin, 'rsync'),
    `#!/bin/sh\n${rsync} "$@"\nstatus=$?\nrm -f ${late}/unfinished.json\nexit $status\n`,
    {
      mode: 0o700,
    },
  )

  const ended = await script('copy-off-site.sh', [place, target], { PATH: `${bin}:${process.env['PATH'] ?? ''}` })
  const copied = await readdir(join(target, 'backups'))
  const next = await script('copy-off-site.sh', [place, target])

  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(copied).toEqual([name])
  expect(next).toMatchObject({ code: 0, stderr: '' })
  expect(await readdir(join(target, 'backups'))).toHaveLength(2)
})

// Like two systemd units; `script` gives each its own temporary folder.
test('a backup and a copy of the same folder see each other’s lock despite different temporary folders', async () => {
  const [place, target, bin] = [await copyOfBackups(), await emptyFolder(), await emptyFolder()]
  const [begun, end] = [join(bin, 'begun'), join(bin, 'end')]
  const waits = `#!/bin/sh\ntouch ${begun}\nuntil [ -e ${end} ] || ! [ -d ${bin} ]; do sleep 0.05; done\n`
  for (const name of ['docs', 'rsync']) await writeFile(join(bin, name), waits, { mode: 0o700 })
  const backup = async (docs = '/bin/true') => script('backup.sh', [place], { PANIQ_DOCS: docs })
  const copy = async (env = {}) => script('copy-off-site.sh', [place, target], { WAIT: '0', ...env })
  const whileRuns = async (long: () => Promise<Ended>, other: () => Promise<Ended>) => {
    const running = long()
    await expect.poll(async () => readdir(bin)).toContain('begun')
    const refused = await other()
    await writeFile(end, '')
    const ended = await running
    for (const file of [begun, end]) await rm(file)
    return { refused, ended }
  }

  const copied = await whileRuns(async () => backup(join(bin, 'docs')), copy)
  const there = await readdir(target)
  const backedUp = await whileRuns(async () => copy({ PATH: `${bin}:${process.env['PATH'] ?? ''}` }), backup)

  expect(copied).toMatchObject({ refused: { code: 1, stderr: expect.stringMatching(/^A backup is still running/) } })
  expect(copied).toMatchObject({ ended: { code: 0 } })
  expect(there).toEqual([])
  expect(backedUp).toMatchObject({
    refused: { code: 1, stderr: expect.stringMatching(/^A backup to .+ is running or being copied/) },
  })
  expect(backedUp).toMatchObject({ ended: { code: 0 } })
  expect(await copy()).toMatchObject({ code: 0, stderr: '' })
})

test('a missing folder is created for the first backup, with access for its owner only', async () => {
  const place = join(await emptyFolder(), 'new')

  expect(await script('backup.sh', [place], { PANIQ_DOCS: '/bin/true' })).toMatchObject({ code: 0, stderr: '' })

  expect((await stat(place)).mode & 0o777).toBe(0o700)
  expect((await stat(join(place, '.lock'))).mode & 0o077).toBe(0)
})

test('a folder without a finished backup is not copied', async () => {
  const [place, target] = [await copyOfBackups(), await emptyFolder()]
  const [name = ''] = await readdir(join(place, 'backups'))
  await rm(join(place, 'backups', name, 'manifest.json'))

  const ended = await script('copy-off-site.sh', [place, target])

  expect(ended).toMatchObject({ code: 2, stderr: `No backup in ${place} is finished.\n` })
  expect(await readdir(target)).toEqual([])
})

test('Kubernetes accepts the jobs, and their commands exist', async () => {
  const manifests = await kustomize(join(folder, 'kubernetes'))
  expect(manifests.map(({ kind }) => kind).toSorted()).toEqual(['ConfigMap', 'CronJob', 'CronJob'])
  expect(await findObjections(manifests)).toEqual([])
  const data = manifests.find(({ kind }) => kind === 'ConfigMap')?.['data'] as Record<string, string>
  expect(Object.keys(data).filter((name) => !(name in known))).toEqual([])

  const jobs = manifests.filter(({ kind }) => kind === 'CronJob') as unknown as ICronJob[]
  for (const { spec } of jobs) {
    const [container] = spec?.jobTemplate.spec?.template.spec?.containers ?? []
    const help = await run(join(root, 'bin/paniq-docs'), [...(container?.args ?? []), '--help'])
    expect(help.stdout).toContain('Usage: paniq-docs backup')
  }
})

test('systemd accepts the units', async () => {
  const disk = await emptyFolder()
  await cp('/usr/lib/systemd/system', join(disk, 'usr/lib/systemd/system'), { recursive: true })
  for (const from of ['deploy/systemd/system', 'deploy/backup-restore/system'])
    await cp(join(root, from), join(disk, 'etc/systemd/system'), { recursive: true })
  for (const path of ['bin', 'deploy/backup-restore'])
    await cp(join(root, path), join(disk, 'opt/paniq-documents', path), { recursive: true })
  const units = await readdir(join(folder, 'system'))

  for (const unit of units)
    expect([unit, await run('systemd-analyze', ['verify', `--root=${disk}`, unit])]).toEqual([
      unit,
      { stdout: '', stderr: '' },
    ])
  expect(units).toHaveLength(4)
})
