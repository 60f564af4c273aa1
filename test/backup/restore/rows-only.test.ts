import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

import { collectBlobs } from '../../../src/documents/stores/collect-blobs.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { emptyDatabaseForTest } from '../../support/cli/database-settings.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { listBucket } from '../../support/s3/list-everything.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { serveAfterWrite } from '../../support/service/serve-after-write.ts'
import { startService } from '../../support/service/start-service.ts'
import { bucketForTest, lastOf, makeBackup, locationWithDocuments } from '../backup-scene.ts'
import { restoreHere } from './restore-here.ts'

test('a rows-only restore uses the bucket that has the files, and names the missing ones', async () => {
  const bucket = await bucketForTest()
  const place = await locationWithDocuments({ bucket })
  const { UPLOADS_DIR = '' } = place.settings
  const into = async () => ({ ...(await emptyDatabaseForTest()), ...s3Settings(bucket), UPLOADS_DIR })
  await makeBackup(place.service, place.backups, { isRowsOnly: true })

  const settings = await into()
  const whole = await restoreHere(settings, [place.backups])
  const compared = await place.run(['verify', '--json'], settings)
  const keys = (await listBucket(bucket.client, bucket.name))
    .map(({ key }) => key)
    .filter((key) => key.startsWith('security_firms/'))
  const [gone = '', changed = ''] = keys
  await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: gone }))
  const spoiled = await restoreHere(await into(), [place.backups])
  const object = await sameLength(changed)
  await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key: changed, Body: object }))
  const read = await restoreHere(await into(), [place.backups, '--read'])

  expect(whole).toMatchObject({ code: 0, stderr: '' })
  expect(whole.last).toMatchObject({ ok: true, looked: { there: 4, missing: 0 } })
  expect(lastOf(compared.stdout)).toMatchObject({ ok: true, files: 4 })
  expect(spoiled.code).toBe(1)
  expect(spoiled.answers).toContainEqual(expect.objectContaining({ found: 'missing', key: gone }))
  expect(spoiled.last).toMatchObject({ ok: false, looked: { there: 3, missing: 1 } })
  expect(read.last).toMatchObject({ ok: false, looked: { there: 2, missing: 1, wrong: 1 } })

  async function sameLength(key: string): Promise<Buffer> {
    const listed = (await listBucket(bucket.client, bucket.name)).find((each) => each.key === key)
    return Buffer.alloc(listed !== undefined && 'size' in listed ? listed.size : 0, 'x')
  }
})

test('a file whose upload committed after a rows-only backup stays after a restore in place', async () => {
  const place = await locationWithDocuments()
  const { service, firm, admin, backups } = place
  const { UPLOADS_DIR = '' } = place.settings
  const url = await serveAfterWrite(service, () => makeBackup(service, backups, { isRowsOnly: true }))
  const { id } = await uploadDocument(url, firm, admin)
  const { rows } = await sql<{ key: StorageKey }>`
    select storage_key as key from document_versions where document_id = ${id}::uuid`.execute(service.app.db)
  const [{ key } = { key: '' as StorageKey }] = rows // just uploaded
  const settings = { ...(await emptyDatabaseForTest()), UPLOADS_DIR }

  const restored = await restoreHere(settings, [backups])
  const revived = await startService(settings)
  onTestFinished(() => revived.stop())
  const inTwoDays = { ...revived.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
  await collectBlobs(inTwoDays, new AbortController().signal)

  expect(restored.last).toMatchObject({ ok: true, looked: { there: 4 } })
  expect(await service.app.stores.local.stat(key)).toBeDefined()
})

test('a backup in a bucket is created, verified and restored like one in a folder', async () => {
  const [bucket, backups] = [await bucketForTest(), await bucketForTest()]
  const place = await locationWithDocuments({ bucket })
  const where = `s3://${backups.name}/paniq/`

  const created = await place.run(['backup', 'create', where, '--json'])
  const again = await place.run(['backup', 'create', where, '--json'])
  const verified = await place.run(['backup', 'verify', where, '--json'])
  const restored = await place.run(['backup', 'restore', where, '--json'], {
    ...(await emptyDatabaseForTest()),
    ...s3Settings(await bucketForTest()),
  })

  expect([created, again, verified, restored].map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
    [0, ''],
  ])
  expect(lastOf(created.stdout)).toMatchObject({ copied: 4, shared: 0 })
  expect(lastOf(again.stdout)).toMatchObject({ copied: 0, shared: 4 })
  expect(lastOf(verified.stdout)).toMatchObject({ ok: true, files: 4 })
  expect(lastOf(restored.stdout)).toMatchObject({ ok: true, files: { written: 4 } })
})
