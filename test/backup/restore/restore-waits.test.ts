import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { openBackup } from '../../../src/backup/open-backup.ts'
import { restoreBackup, type RestoreNeeds } from '../../../src/backup/restore-backup.ts'
import { withRestoring } from '../../../src/cli/backup/restore-backup.ts'
import { restoreBackup as runRestore } from '../../../src/cli/backup/restore-backup.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import type { Waiting } from '../../../src/documents/stores/wait-for-s3.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { openBackupFolder } from '../../../src/storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../../src/storage/backup-store/backup-store.ts'
import { emptyDatabaseForTest } from '../../support/cli/database-settings.ts'
import { storedBelow } from '../../support/cli/run-command.ts'
import { type FaultProxy, startFaultProxy } from '../../support/service/fault-proxy.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { bucketForTest, emptyFolder, makeBackup, documentsFor } from '../backup-scene.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'

const never = new AbortController().signal
const ignore = () => undefined
/** Documents: one with two versions, one in the trash. */
const files = 7

test('a restore into an empty bucket waits while S3 is down, and resumes', async () => {
  const { config, log, proxy, place, opened } = await scene()
  const states: Waiting[] = []

  const restored = await withRestoring({ config, log }, async (parts) =>
    restoreBackup(parts, losing(place, proxy), opened, {
      into: { store: 's3', name: config.s3.bucket, storeId: null, files: s3Of(parts) },
      reads: false,
      concurrency: 1,
      signal: never,
      patienceMs: 60_000,
      pauseMs: 10,
      onWaiting(state) {
        states.push(state)
        if (state === 'waiting') proxy.setFault({ kind: 'none' })
      },
      onTable: ignore,
      onRestored: ignore,
      onFileChecked: ignore,
      withoutDamaged: false,
      onLacking: ignore,
    }),
  )

  expect(states).toEqual(['waiting', 'back'])
  const { written = 0, found = 0 } = restored.files ?? {}
  expect(written + found).toBe(files)
  // The bytes of a file whose answer was lost may be there.
  expect(found).toBeLessThan(3)
})

test('when S3 stays down, the output has the wait, S3’s error, the fix and the effect of a second run', async () => {
  const { config, log, proxy, place, opened } = await scene()
  const { print, said } = notingPrinter()
  const options = { files: true, concurrency: 1 }

  const ended = withRestoring({ config, log }, async (parts) =>
    runRestore(
      { ...parts, config, print, signal: never, patience: { patienceMs: 90, pauseMs: 10 } },
      { store: losing(place, proxy), opened },
      options,
    ),
  )

  await expect(ended).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(
      /^S3 cannot be used \(\w+\)\. Find the cause with \.\/bin\/paniq-docs s3 test, and run this again: it resumes\.$/,
    ),
  })
  expect(said).toEqual(
    expect.arrayContaining([
      'S3 does not answer. Waiting for it, up to 0 minutes. Ctrl-C stops safely.',
      'S3 did not answer for 0 minutes.',
    ]),
  )
})

/** A backup of documents on a disk, and its target: an empty database, and an empty bucket behind a proxy. */
async function scene() {
  const { service } = await documentsFor(
    { defer: (close) => onTestFinished(async () => close()) },
    { documents: files - 1 },
  )
  const [root, folder, bucket] = [await emptyFolder(), await emptyFolder(), await bucketForTest()]
  const { name } = await makeBackup(service, root)
  const place = openBackupFolder(root)
  const opened = await openBackup(place, name, undefined)
  if (opened === undefined) throw new Error('it is not finished')
  const proxy = await startFaultProxy({ port: Number(new URL(bucket.s3.endpoint).port) })
  onTestFinished(() => proxy.close())
  const config = loadConfig({
    JWT_SECRET_KEY: 'a secret for tests that nobody else has',
    ...storedBelow(join(folder, 'restored')),
    ...(await emptyDatabaseForTest()),
    ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`),
  })
  return { config, log: createLogger({ level: 'silent', isTerminal: false }), proxy, place, opened }
}

/** S3 fails after the check for the third file, before its write. */
function losing(place: BackupStore, proxy: FaultProxy): BackupStore {
  let reads = 0
  return {
    ...place,
    async read(name) {
      reads += name.startsWith('files/') ? 1 : 0
      if (reads === 3) {
        reads += 1
        proxy.setFault({ kind: 'refuse' })
        await proxy.cutAll()
      }
      return place.read(name)
    },
  }
}

function s3Of({ stores }: RestoreNeeds) {
  if (stores.s3 === undefined) throw new Error('there is no S3')
  return stores.s3
}
