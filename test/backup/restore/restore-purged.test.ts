import { expect, onTestFinished, test } from 'vitest'

import { emptyDatabaseForTest } from '../../support/cli/database-settings.ts'
import { runCommand } from '../../support/cli/run-command.ts'
import { collect, deletedDaysAgo, keepVersions, purgeAll, recordOf } from '../../support/purge/purge-scene.ts'
import { listBucket } from '../../support/s3/list-everything.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { startService } from '../../support/service/start-service.ts'
import { bucketForTest, locationWithDocuments } from '../backup-scene.ts'

test('files of purged documents in the old bucket are not reported as destroyed after a restore into another bucket', async () => {
  const [old, fresh] = [await bucketForTest(), await bucketForTest()]
  await keepVersions(old)
  await keepVersions(fresh)
  const place = await locationWithDocuments({ bucket: old })
  const { id } = await deletedDaysAgo(place.service, place, 31)
  await purgeAll(place.service)
  await collect(place.service, { inDays: 1.5 })
  await place.run(['backup', 'create', place.backups])
  const settings = { ...(await emptyDatabaseForTest()), ...s3Settings(fresh) }
  const restored = await place.run(['backup', 'restore', place.backups], settings)

  const there = { settings: { ...place.settings, ...settings, ...operatorOf(fresh) } }
  const purged = await runCommand(place.folder, ['purge', '--now'], there)
  const asked = await runCommand(place.folder, ['purge', '--document', id], there)

  expect([restored.code, purged.code]).toEqual([0, 0])
  expect(asked.stdout + asked.stderr).toContain('in a bucket from before a restore: 1; the service cannot reach them')
  expect(asked.stdout + asked.stderr).not.toContain('not destroyed yet')
  const revived = await startService({ ...place.settings, ...settings })
  onTestFinished(() => revived.stop())
  await collect(revived, { inDays: 1.5 })
  const { files } = await recordOf(revived, id)
  expect(files).toMatchObject([{ store: 's3', state: 'hidden' }])
  const key = files[0]?.storage_key ?? ''
  const kinds = (await listBucket(old.client, old.name)).filter((each) => each.key === key).map(({ kind }) => kind)
  expect(kinds.toSorted()).toEqual(['delete_marker', 'object'])
})

function operatorOf({ s3: { owner } }: Awaited<ReturnType<typeof bucketForTest>>) {
  return { AWS_ACCESS_KEY_ID: owner.accessKeyId, AWS_SECRET_ACCESS_KEY: owner.secretAccessKey }
}
