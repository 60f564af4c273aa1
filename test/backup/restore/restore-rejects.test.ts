import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { prepareRestore } from '../../../src/backup/restore-backup.ts'
import { openDatabase } from '../../../src/database/connection/client.ts'
import { listMigrations, migrate } from '../../../src/database/schema/migrate-schema.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { databaseForTest, emptyDatabaseForTest } from '../../support/cli/database-settings.ts'
import type { Settings } from '../../support/cli/run-command.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { bucketForTest, emptyFolder, makeBackup, documentsFor, locationWithDocuments } from '../backup-scene.ts'
import { restoreHere } from './restore-here.ts'

const scene = sceneOfFile(async (closing) => {
  const { service } = await documentsFor(closing, { documents: 2 })
  const root = await emptyFolder(closing)
  await makeBackup(service, root)
  return { root }
})

let root: string
beforeAll(() => {
  ;({ root } = scene)
})

/** Restores into an empty database, unless the settings name one. */
async function restoreInto(settings: Settings, from = root) {
  return restoreHere({ ...(await emptyDatabaseForTest()), ...settings }, [from])
}

const emptyUploads = async (): Promise<Settings & { UPLOADS_DIR: string }> => ({ UPLOADS_DIR: await emptyFolder() })

describe('backup restore overwrites nothing', () => {
  test('not the database of the backup', async () => {
    const place = await locationWithDocuments({ documents: 2 })

    const ended = await place.run(['backup', 'restore', root], await emptyUploads())

    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^This database is not empty: registered_users has rows\./),
    })
  })

  test('not a store with documents', async () => {
    const place = await locationWithDocuments({ documents: 2 })
    const uploads = join(place.service.folder, 'uploads')

    const ended = await restoreInto({ UPLOADS_DIR: uploads })

    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${uploads} is not empty: it has documents.`),
    })
  })

  test.each([
    ['a file of others', 'notes/of others.txt', 'it has notes/of others.txt'],
    ['a link', 'somewhere', 'it has somewhere'],
    [
      'a document of the platform',
      `security_firms/${crypto.randomUUID()}/licence_${crypto.randomUUID()}`,
      'it has documents',
    ],
    ['a quarantined document', 'quarantine/a', 'it has documents'],
  ])('not a folder that contains %s', async (what, path, says) => {
    const uploads = await emptyFolder()
    await mkdir(dirname(join(uploads, path)), { recursive: true })
    await (what === 'a link' ? symlink('/', join(uploads, path)) : writeFile(join(uploads, path), 'x'))

    const ended = await restoreInto({ UPLOADS_DIR: uploads })

    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`${uploads} is not empty: ${says}.`) })
    expect(await readdir(dirname(join(uploads, path)))).toContain(basename(path))
  })

  test('not a bucket with foreign files; the files of a connection test and the owner file do not count', async () => {
    const bucket = await bucketForTest()
    const settings = { ...(await emptyDatabaseForTest()), ...(await emptyUploads()), ...s3Settings(bucket) }
    const put = async (Key: string) => bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body: 'x' }))
    await put('test/connection_test.txt')
    await put('test/of others.txt')

    const refused = await restoreInto(settings)
    await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: 'test/of others.txt' }))
    const restored = await restoreInto(settings)

    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${bucket.name} is not empty: it has test/of others.txt.`),
    })
    expect(restored).toMatchObject({ code: 0, stderr: '' })
  })

  test('the default content of a new disk counts as empty', async () => {
    const uploads = await emptyFolder()
    await mkdir(join(uploads, 'lost+found/of the system'), { recursive: true })
    await writeFile(join(uploads, 'lost+found/of the system/1'), '')
    await mkdir(join(uploads, 'security_firms', crypto.randomUUID()), { recursive: true })
    await writeFile(join(uploads, '.incoming-1'), '')

    expect(await restoreInto({ UPLOADS_DIR: uploads })).toMatchObject({ code: 0, stderr: '' })
  })

  test('not the store of another installation', async () => {
    const uploads = await emptyFolder()
    await writeFile(join(uploads, 'paniq-documents.json'), JSON.stringify({ installation_id: crypto.randomUUID() }))

    const ended = await restoreInto({ UPLOADS_DIR: uploads })

    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('belongs to another installation') })
  })
})

describe('backup restore', () => {
  test('rejects a backup of a later version, and tables of a later version than the backup', async () => {
    const [later, earlier] = [
      await changedManifest(['9999-of-the-future'], []),
      await changedManifest([], ['0012-job-runs']),
    ]
    const refused = await restoreInto(await emptyUploads(), later)
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('A later version of the service'),
    })

    const also = await restoreInto({ ...(await databaseForTest()), ...(await emptyUploads()) }, earlier)
    expect(also).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('of a later version than the backup (0012-job-runs)'),
    })
  })

  test('restores an old backup into tables of its version, and then migrates them', async () => {
    const earlier = await changedManifest([], ['0012-job-runs'])
    const settings = { ...(await emptyDatabaseForTest()), ...(await emptyUploads()) }

    const restored = await restoreInto(settings, earlier)

    expect(restored).toMatchObject({ code: 0, stderr: '' })
    expect(await migrateDatabase(settings)).toEqual([])
  })

  test('creates and changes no table of a later version than its rows', async () => {
    const database = await freshDatabase()
    onTestFinished(() => database.drop())
    const { db } = openDatabase(
      { connectionString: database.url },
      createLogger({ level: 'silent', isTerminal: false }),
    )
    const migrations = (await listMigrations()).filter((each) => each !== '0012-job-runs')

    const options = { backupId: crypto.randomUUID(), madeBy: '0', target: undefined, inTarget: undefined }
    const state = await prepareRestore(db, { ...options, migrations })
    const { rows } = await sql<{ name: string }>`select name from document_migrations order by name`.execute(db)
    await db.destroy()

    expect(state).toBe('new')
    expect(rows.map(({ name }) => name)).toEqual(migrations.toSorted())
  })

  test('accepts migrated tables without people', async () => {
    const settings = { ...(await databaseForTest()), ...(await emptyUploads()) }

    expect(await restoreInto(settings)).toMatchObject({ code: 0, stderr: '' })
  })

  test('ends when the backup is damaged, and resumes after the repair', async () => {
    const copy = await copyOf(root)
    const [folder = ''] = await readdir(join(copy, 'files'))
    const [name = ''] = await readdir(join(copy, 'files', folder))
    const file = join(copy, 'files', folder, name)
    const right = await readFile(file)
    await writeFile(file, Buffer.concat([right.subarray(0, -1), Buffer.from('?')]))
    const settings = { ...(await emptyDatabaseForTest()), ...(await emptyUploads()) }

    const damaged = await restoreInto(settings, copy)
    await writeFile(file, right)
    const mended = await restoreInto(settings, copy)

    expect(damaged).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`files/${folder}/${name} was changed or damaged`),
    })
    expect(mended.last).toMatchObject({ ok: true, went_on: true })
  })

  test('of an empty folder, a missing folder or a missing backup is wrong use', async () => {
    const settings = { ...(await emptyDatabaseForTest()), ...(await emptyUploads()) }
    const ends = [
      await restoreInto(settings, await emptyFolder()),
      await restoreInto(settings, join(settings.UPLOADS_DIR, 'none')),
      await restoreHere(settings, [root, '--backup', '../x']),
    ]

    expect(ends.map(({ code }) => code)).toEqual([2, 2, 2])
    expect(ends.map(({ stderr }) => stderr)).toEqual([
      expect.stringMatching(/^There is no backup in .+\. Give the place that you gave to `backup create`\.\n$/),
      expect.stringMatching(/^There is no folder .+\. Give the place that you gave to `backup create`\.\n$/),
      expect.stringContaining('must be the name of a backup'),
    ])
  })
})

/** Returns the migrations that had not run. */
async function migrateDatabase({ DATABASE_URL = '' }: Settings): Promise<string[]> {
  const log = createLogger({ level: 'silent', isTerminal: false })
  const { db } = openDatabase({ connectionString: DATABASE_URL }, log)
  try {
    return await migrate(db)
  } finally {
    await db.destroy()
  }
}

async function changedManifest(more: string[], less: string[]): Promise<string> {
  const copy = await copyOf(root)
  const [name = ''] = await readdir(join(copy, 'backups'))
  const path = join(copy, 'backups', name, 'manifest.json')
  const manifest = JSON.parse(await readFile(path, 'utf8')) as { migrations: string[] }
  manifest.migrations = [...(await listMigrations()).filter((each) => !less.includes(each)), ...more]
  await writeFile(path, JSON.stringify(manifest))
  return copy
}

async function copyOf(from: string): Promise<string> {
  const copy = await emptyFolder()
  await cp(from, copy, { recursive: true })
  return copy
}
