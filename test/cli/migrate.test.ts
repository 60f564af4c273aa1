import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { sql, type Updateable } from 'kysely'
import { onTestFinished, describe, expect, test } from 'vitest'

import type { Tables } from '../../src/database/connection/tables.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { forbidInserts } from '../support/database/forbid-inserts.ts'
import { startService } from '../support/service/start-service.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand, type Settings } from '../support/cli/run-command.ts'

describe('migrate to-s3', () => {
  test('moves every document and prints the number', async () => {
    const place = await documentsOnDisk(3)

    const ended = await place.run('migrate', 'to-s3')

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('✓ 3 moved')
    expect(ended.stdout).toContain('Set USE_S3_STORAGE=true')
    expect(await place.storesOf()).toEqual(['s3', 's3', 's3'])
    expect(await place.keysInBucket()).toHaveLength(3)
    expect(await place.filesOnDisk()).toHaveLength(3)
  })

  test('as a dry run changes nothing, and finds files that are missing or have another length', async () => {
    const place = await documentsOnDisk(3)
    const [first = ''] = await place.filesOnDisk()
    await rm(join(place.uploads, first))

    const ended = await place.run('migrate', 'to-s3', '--dry-run')

    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/✗ 2 can be moved, 1 missing. Nothing was changed/)
    expect(await place.storesOf()).toEqual(['local', 'local', 'local'])
    expect(await place.keysInBucket()).toEqual([])
  })

  test('ends at the first missing permission of the database role, and prints how to grant it', async () => {
    const place = await documentsOnDisk(3)
    await forbidInserts(place.db, 'document_blobs')
    const ended = await place.run('migrate', 'to-s3')
    expect(ended.stderr).toMatch(/this user lacks a permission: .*db migrate/)
  })

  test('names a document whose file is missing, moves the others, and exits with 1', async () => {
    const place = await documentsOnDisk(3)
    const [first = ''] = await place.filesOnDisk()
    await rm(join(place.uploads, first))
    const report = join(place.folder, 'report.jsonl')

    const ended = await place.run('migrate', 'to-s3', '--report', report)

    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/✗ 2 moved, .*, 1 missing/)
    expect(await place.storesOf()).toEqual(['local', 's3', 's3'])
    const lines = (await readFile(report, 'utf8')).trim().split('\n')
    const outcomes = lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome)
    expect(outcomes.toSorted()).toEqual(['missing', 'moved', 'moved'])
  })

  test('with --firm moves only the documents of that firm', async () => {
    const place = await documentsOnDisk(2)
    const other = await place.addFirm(1)

    expect(await place.run('migrate', 'to-s3', '--firm', other.toUpperCase())).toMatchObject({ code: 0 })
    expect(await place.storesOf()).toEqual(['local', 'local', 's3'])
  })

  test('--json prints JSON lines; the last one is the summary', async () => {
    const place = await documentsOnDisk(2)

    const { stdout, code } = await place.run('migrate', 'to-s3', '--json', '--delete-source')

    const lines = stdout.trim().split('\n')
    expect(code).toBe(0)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      event: 'finished',
      ok: true,
      complete: true,
      ended_by: null,
      outcomes: { moved: 2, missing: 0, wrong: 0, not_here: 0, busy: 0, failed: 0 },
      sources_to_be_removed: 2,
    })
  })

  test('two runs at the same time copy no file twice', async () => {
    const place = await documentsOnDisk(12)

    const both = await Promise.all([place.run('migrate', 'to-s3'), place.run('migrate', 'to-s3')])

    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(new Set(await place.storesOf())).toEqual(new Set(['s3']))
    expect(await place.keysInBucket()).toHaveLength(12)
  })

  test('prints the cause and the fix when the bucket cannot be reached, and moves nothing', async () => {
    const place = await documentsOnDisk(1)

    const ended = await place.runWith({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }, 'migrate', 'to-s3')

    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^S3 cannot be used: /)
    expect(await place.storesOf()).toEqual(['local'])
  })

  test.each([
    [['--concurrency', '0'], /concurrency/],
    [['--concurrency', 'many'], /concurrency/],
    [['--firm', 'Umkhonto'], /firm/],
    [['--rate', '-1'], /rate/],
  ])('%j is wrong use', async (words, named) => {
    const ended = await runCommand(await makeWorkFolder(), ['migrate', 'to-s3', ...words])
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(named)
  })
})

test('migrate to-local moves all of them back', async () => {
  const place = await documentsOnDisk(3)
  await place.run('migrate', 'to-s3', '--delete-source')

  const ended = await place.run('migrate', 'to-local')

  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(await place.storesOf()).toEqual(['local', 'local', 'local'])
})

describe('drain', () => {
  test('moves the files that are waiting on the disk of a lost instance', async () => {
    const place = await documentsOnDisk(2)
    await place.makeFallback()
    const elsewhere = { UPLOADS_DIR: join(place.folder, 'other-uploads') }

    const ended = await place.runWith(elsewhere, 'drain', '--store', place.uploads)

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/✓ 2 moved, .*; 0 still waiting/)
    expect(await place.storesOf()).toEqual(['s3', 's3'])
  })

  test('prints that no file is only on the disk when all are moved, also on a second run', async () => {
    const place = await documentsOnDisk(2)
    await place.makeFallback()

    for (const moved of [2, 0]) {
      const ended = await place.run('drain')
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      expect(ended.stdout.trim()).toMatch(
        new RegExp(`✓ ${moved} moved, .*; 0 still waiting.\nThe disk may be wiped: no document is only on this disk.$`),
      )
    }
  })

  test('prints that the disk must not be wiped if it has files stored locally by configuration or by the platform', async () => {
    const place = await documentsOnDisk(4)
    const [waiting = '', ofPlatform = '', elsewhere = ''] = await place.filesOnDisk()
    await place.change(waiting, { is_fallback: true })
    await place.change(ofPlatform, { store_id: null })
    await place.change(elsewhere, { store_id: null })
    await rm(join(place.uploads, elsewhere))

    const ended = await place.run('drain')
    const again = await place.run('drain', '--json')

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('✓ 1 moved')
    expect(ended.stdout.trim().split('\n').at(-1)).toMatch(/only on this disk: 2\. Do not wipe the disk.*migrate to-s3/)
    expect(again.code).toBe(0)
    expect(lastOf(again)).toMatchObject({ ok: true, waiting: 0, wrong_or_missing: 0, others: 2, unknown_files: 0 })
  })

  test.each(['wrong', 'missing'] as const)('fails if a waiting file is marked as %s', async (state) => {
    const place = await documentsOnDisk(1)
    await place.makeFallback()
    const [key = ''] = await place.filesOnDisk()
    await place.change(key, { bytes_state: state })

    const ended = await place.run('drain')
    const again = await place.run('drain', '--json')

    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/✗ 0 moved, .*; 0 still waiting, 1 corrupt or missing/)
    expect(ended.stdout.trim().split('\n').at(-1)).toMatch(/Do not wipe this disk.*verify/)
    expect(again.code).toBe(1)
    expect(lastOf(again)).toMatchObject({ ok: false, waiting: 0, wrong_or_missing: 1, others: 0, unknown_files: 0 })
  })

  test('fails on a disk with files that no row names', async () => {
    const place = await documentsOnDisk(2)
    const otherDatabase = await databaseForTest()

    const ended = await place.runWith(otherDatabase, 'drain', '--store', place.uploads)
    const again = await place.runWith(otherDatabase, 'drain', '--store', place.uploads, '--json')

    expect(ended.code).toBe(1)
    expect(ended.stdout).not.toContain('✓')
    expect(ended.stdout.trim().split('\n').at(-1)).toMatch(/2 files, .*DATABASE_URL.*Do not wipe/)
    expect(again.code).toBe(1)
    expect(lastOf(again)).toMatchObject({ ok: false, others: 0, unknown_files: 2 })
  })

  test('prints that the disk must not be wiped while the copy of a moved file is corrupt on S3', async () => {
    const place = await documentsOnDisk(1)
    await place.makeFallback()
    await place.run('drain')
    for (const key of await place.keysInBucket()) await place.change(key, { bytes_state: 'wrong' })

    const ended = await place.run('drain')

    expect(ended.code).toBe(0)
    expect(ended.stdout.trim().split('\n').at(-1)).toMatch(/only on this disk: 1\. Do not wipe the disk/)
  })

  test('succeeds on an empty disk', async () => {
    const place = await documentsOnDisk(0)

    expect(await place.run('drain')).toMatchObject({ code: 0, stderr: '' })
  })

  test('rejects a folder that is not one of its stores, and does not turn it into one', async () => {
    const place = await documentsOnDisk(1)

    const ended = await place.run('drain', '--store', '/tmp')

    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain('/tmp is not a local store of this service')
  })
})

function lastOf({ stdout }: { stdout: string }): unknown {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

/** A database, a bucket and a disk with documents, and commands on them. */
async function documentsOnDisk(count: number) {
  const folder = await makeWorkFolder()
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  const settings: Settings = {
    ...(await databaseForTest()),
    ...s3Settings(bucket),
    ...storedBelow(folder),
    USE_S3_STORAGE: 'false',
  }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const { app, url } = service
  const uploads = join(folder, 'uploads')

  async function addFirm(documents: number): Promise<FirmId> {
    const firmId = await makeFirm(app)
    const member = await makeMember(app, firmId)
    for (let number = 0; number < documents; number += 1)
      await uploadDocument(url, firmId, member, { bytes: makePdf({ bytes: 2000 + number }) })
    return firmId
  }
  await addFirm(count)

  return {
    folder,
    db: app.db,
    uploads,
    addFirm,
    run: (...words: string[]) => runCommand(folder, words, { settings }),
    runWith: (more: Settings, ...words: string[]) => runCommand(folder, words, { settings: { ...settings, ...more } }),
    async storesOf(): Promise<string[]> {
      const rows = await app.db.selectFrom('document_versions').select('store').execute()
      return rows.map(({ store }) => store).toSorted()
    },
    async keysInBucket(): Promise<string[]> {
      const things = await listBucket(bucket.client, bucket.name)
      return things.map(({ key }) => key).filter((key) => key.startsWith('security_firms/'))
    },
    async filesOnDisk(): Promise<string[]> {
      const entries = await listFolder(uploads)
      return entries
        .filter(({ path }) => path.startsWith('security_firms/'))
        .flatMap(({ kind, path }) => (kind === 'file' ? [path] : []))
    },
    async change(key: string, row: Updateable<Tables['document_versions']>): Promise<void> {
      await app.db
        .updateTable('document_versions')
        .set(row)
        .where(sql<boolean>`storage_key = ${key}`)
        .execute()
    },
    async makeFallback(): Promise<void> {
      await app.db.updateTable('document_versions').set({ is_fallback: true }).execute()
    },
  }
}
