import { expect, onTestFinished, test } from 'vitest'

import { lastOf } from '../backup/backup-scene.ts'
import type { Settings } from '../support/cli/run-command.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { runOnSmallDisk } from '../fallback/small-disk.ts'

const toLocal = ['migrate', 'to-local', '--concurrency', '1']

/** Documents of these lengths on S3, for a migration to a small disk. */
async function papersOnS3(lengths: number[]) {
  const [bucket, database] = [await freshBucket(), await freshMigratedDatabase()]
  const settings: Settings = {
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: 'a secret for tests that nobody else has',
    MAX_UPLOAD_BYTES: '60000000',
    ...s3Settings(bucket),
  }
  const service = await startService(settings)
  onTestFinished(async () => {
    await service.stop()
    await Promise.all([bucket.remove(), database.drop()])
  })
  const { firm, admin } = await firmWithAdmin(service)
  for (const [number, bytes] of lengths.entries())
    await uploadDocument(service.url, firm, admin, { bytes: makePdf({ seed: `${number}`, bytes }) })
  const placesOf = async () => {
    const rows = await service.app.db.selectFrom('document_versions').select(['store', 'bytes_state']).execute()
    expect(rows.map(({ bytes_state: state }) => state)).toEqual(lengths.map(() => 'present'))
    return rows.map(({ store }) => store)
  }
  return { settings, placesOf }
}

test('a migration onto a disk that fills up ends there, reports it once, and leaves the other files in place', async () => {
  const { settings, placesOf } = await papersOnS3(Array.from({ length: 8 }, () => 1_000_000))

  const ended = await runOnSmallDisk(2_500_000, toLocal, settings)
  const asked = await runOnSmallDisk(500_000, [...toLocal, '--json'], settings)

  expect(ended.code).toBe(1)
  expect(ended.stdout).toMatch(
    /✗ 2 moved, 2\.0 MB\.\n.*A disk is full\. Make room there, and run this again: it resumes/,
  )
  expect(lastOf(asked.stdout)).toMatchObject({ complete: false, ended_by: 'disk', outcomes: { moved: 0, failed: 0 } })
  expect((await placesOf()).filter((store) => store === 's3')).toHaveLength(6)
})

test('one large file without room is named and does not stop the others', async () => {
  const { settings, placesOf } = await papersOnS3([30_000_000, 50_000, 50_000, 50_000])

  const ended = await runOnSmallDisk(5_000_000, [...toLocal, '--json'], settings)

  expect(ended.code).toBe(1)
  expect(lastOf(ended.stdout)).toMatchObject({ complete: true, ended_by: null, outcomes: { moved: 3, failed: 1 } })
  expect((await placesOf()).toSorted()).toEqual(['local', 'local', 'local', 's3'])
})
