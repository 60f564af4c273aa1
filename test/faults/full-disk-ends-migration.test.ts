import { expect, onTestFinished, test } from 'vitest'

import { uploadDocument } from '../support/call-documents.ts'
import { firmWithAdmin } from '../support/firm-with-admin.ts'
import { freshBucket } from '../support/fresh-bucket.ts'
import { freshDatabase } from '../support/fresh-database.ts'
import { makePdf } from '../support/make-files.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { startService } from '../support/start-service.ts'
import { runOnSmallDisk } from './small-disk.ts'

test('a migration onto a disk that fills ends there, says so once and not file by file, and leaves the rest where it was', async () => {
  const [bucket, database] = [await freshBucket(), await freshDatabase()]
  const settings = { DATABASE_URL: database.url, JWT_SECRET_KEY: 'a secret for tests that nobody else has' }
  const service = await startService({ ...settings, ...s3Settings(bucket) })
  onTestFinished(async () => {
    await service.stop()
    await Promise.all([bucket.remove(), database.drop()])
  })
  const { firm, admin } = await firmWithAdmin(service)
  for (let number = 0; number < 8; number += 1)
    await uploadDocument(service.url, firm, admin, { bytes: makePdf({ seed: `${number}`, bytes: 1_000_000 }) })

  const words = ['migrate', 'to-local', '--concurrency', '1']
  const ended = await runOnSmallDisk(2_500_000, words, { ...settings, ...s3Settings(bucket) })

  expect(ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('A disk is full. Make room there, and run this again.'),
  })
  expect((ended.stdout + ended.stderr).match(/failed/g) ?? []).toEqual([])
  const rows = await service.app.db.selectFrom('document_versions').select(['store', 'bytes_state']).execute()
  expect(rows.map(({ bytes_state: state }) => state)).toEqual(rows.map(() => 'present'))
  expect(rows.filter(({ store }) => store === 's3').length).toBeGreaterThan(5)
})
