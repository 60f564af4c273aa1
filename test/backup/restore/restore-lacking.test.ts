import { readdir, rename, rm, symlink, truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, test } from 'vitest'

import { findLastBackup } from '../../../src/database/backup/running-backups.ts'
import { emptyDatabaseForTest } from '../../support/cli/database-settings.ts'
import type { Settings } from '../../support/cli/run-command.ts'
import { emptyFolder, lastOf, makeBackup, locationWithDocuments } from '../backup-scene.ts'
import { restoreHere } from './restore-here.ts'

test('a restore names and omits a file that is damaged in the backup, on every run, and restores the rest', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  await makeBackup(place.service, place.backups)
  const damaged = await someFileBelow(join(place.backups, 'files'))
  await truncate(damaged, 7)
  const settings = await freshOn(await emptyFolder())

  const refused = await restoreHere(settings, [place.backups])
  const left = await restoreHere(settings, [place.backups, '--without-damaged'])
  await unfinish(settings)
  const again = await restoreHere(settings, [place.backups])

  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('run this again with --without-damaged'),
  })
  expect(left).toMatchObject({ code: 1, stderr: '' })
  const named = { firm_id: place.firm, document_id: expect.any(String), version: expect.any(Number) }
  expect(left.answers).toContainEqual(expect.objectContaining({ event: 'file', found: 'damaged', ...named }))
  const lacking = { ok: false, complete: true, went_on: true, files: { lacking: 1 } }
  expect(left.last).toMatchObject({ ...lacking, files: { lacking: 1, damaged: 1 } })
  expect(again.code).toBe(1)
  expect(again.last).toMatchObject(lacking)
})

test('a file marked as missing is named as lacking in each backup and each restore until it is back', async () => {
  const { service, backups, documents, run } = await locationWithDocuments({ documents: 2 })
  const { rows } = await sql<{ key: string }>`
    select storage_key as key from document_versions where document_id = ${documents[1]}::uuid`.execute(service.app.db)
  const [{ key } = { key: '' }] = rows
  const uploads = join(service.folder, 'uploads')
  const about = { document_id: documents[1], version: 1, key }
  const settings = await freshOn(await emptyFolder())
  await rename(join(uploads, key), join(service.folder, 'lost'))
  const marked = await run(['verify'])

  const created = await run(['backup', 'create', backups, '--json'])
  const known = await findLastBackup(service.app.db)
  const restored = await restoreHere(settings, [backups])
  await unfinish(settings)
  const again = await restoreHere(settings, [backups])
  const rowsAlone = await restoreHere(await freshOn(uploads), [backups, '--no-files'])
  await rename(join(service.folder, 'lost'), join(uploads, key))
  const whole = await makeBackup(service, backups)

  expect([marked.code, created.code]).toEqual([1, 1])
  expect(created.stdout).toMatch(new RegExp(`"event":"lacking","fate":"missing".*"key":"${key}"`))
  expect(lastOf(created.stdout)).toMatchObject({ ok: false, fates: { kept: 2, missing: 1 } })
  expect(known).toMatchObject({ outcome: 'lacking' })
  for (const { code, answers, last } of [restored, again]) {
    expect(code).toBe(1)
    expect(answers).toContainEqual(expect.objectContaining({ event: 'file', found: 'not_in_the_backup', ...about }))
    expect(last).toMatchObject({ ok: false, files: { lacking: 1 } })
  }
  expect(rowsAlone.answers).toContainEqual(expect.objectContaining({ event: 'file', found: 'missing', ...about }))
  expect(rowsAlone.code).toBe(1)
  expect(whole.manifest.files.lacking).toBe(0)
})

test('rows restored with a new folder find their files when the old folder is configured', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  await makeBackup(place.service, place.backups, { isRowsOnly: true })
  const settings = await freshOn(await emptyFolder())

  const restored = await restoreHere(settings, [place.backups])
  const old = { ...settings, UPLOADS_DIR: join(place.service.folder, 'uploads') }
  const verified = await place.run(['verify', '--json'], old)

  expect(restored.last).toMatchObject({ ok: false, looked: { there: 0, not_here: 3, missing: 0 } })
  expect(restored.said).toContain('the whole old folder with its hidden .store-id')
  expect(restored.said).not.toContain('`verify`')
  expect(verified.code).toBe(0)
  expect(lastOf(verified.stdout)).toMatchObject({ ok: true, files: 3, not_here: 0 })
})

test('a store that fails ends a restore that omits damaged files: no file counts as lost without an answer', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  await makeBackup(place.service, place.backups)
  const file = await someFileBelow(join(place.backups, 'files'))
  await rename(file, `${file}.aside`)
  // It cannot be opened, as on a failing disk.
  await symlink(basename(file), file)
  const settings = await freshOn(await emptyFolder())
  const restore = [place.backups, '--without-damaged']

  const failed = await restoreHere(settings, restore)
  await rename(`${file}.aside`, file)
  const again = await restoreHere(settings, restore)

  expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/./) })
  expect(again.code).toBe(0)
  expect(again.last).toMatchObject({ ok: true, went_on: true, files: { lacking: 0 } })
})

test('a rows-only restore names missing files, and the moment after which changes must be repeated', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  const { manifest } = await makeBackup(place.service, place.backups, { isRowsOnly: true })
  const uploads = join(place.service.folder, 'uploads')
  await rm(await someFileBelow(join(uploads, 'security_firms')))
  const settings = await freshOn(uploads)

  const first = await restoreHere(settings, [place.backups])
  await unfinish(settings)
  const again = await restoreHere(settings, [place.backups])

  expect(first.code).toBe(1)
  expect(first.last).toMatchObject({ ok: false, as_of: manifest.backup.taken_at, looked: { missing: 1 } })
  expect(again.code).toBe(1)
  expect(again.said).toContain('Missing or damaged: 1 file. Put them back')
  expect(again.said).toContain(
    `! Everything is as of ${manifest.backup.taken_at}: documents that were destroyed later are back`,
  )
})

async function freshOn(uploads: string): Promise<Settings> {
  return { ...(await emptyDatabaseForTest()), USE_S3_STORAGE: 'false', UPLOADS_DIR: uploads }
}

async function someFileBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const file = entries.find((entry) => entry.isFile())
  return join(file?.parentPath ?? '', file?.name ?? '')
}

/** Like a kill after the rows were loaded and before the last steps. */
async function unfinish({ DATABASE_URL: connectionString }: Settings): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await client.query('update document_restores set finished_at = null')
  } finally {
    await client.end()
  }
}
