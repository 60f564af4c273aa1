import { sql } from 'kysely'
import pLimit from 'p-limit'
import { expect, onTestFinished, test } from 'vitest'

import { createBackup } from '../../src/backup/create-backup.ts'
import { openBackupFolder, cleanBackupFolder } from '../../src/storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../src/storage/backup-store/backup-store.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { runCommand } from '../support/cli/run-command.ts'
import { collect, deletedDaysAgo, never, purgeAll } from '../support/purge/purge-scene.ts'
import { impatient } from '../support/fallback/failing-s3.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument } from '../support/documents/call-trash.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { bucketForTest, emptyFolder, lastOf, scratchPlace, sha256Of } from './backup-scene.ts'

test('a backup under load has every document of its moment, on S3 and on the fallback disk', async () => {
  const { service, firm, admin, keepS3Away } = await serviceOnS3()
  const hashes = new Map<string, string>()
  const upload = async (seed: string) => {
    const bytes = Buffer.from(makePdf({ seed, bytes: 4000 }))
    const { id } = await uploadDocument(service.url, firm, admin, { bytes, type: 'bank_statement' })
    return { id, sha256: sha256Of(bytes) }
  }
  for (let number = 0; number < 6; number += 1)
    await upload(`s3 ${number}`).then(({ id, sha256 }) => hashes.set(id, sha256))
  await keepS3Away(async () => {
    for (let number = 0; number < 3; number += 1)
      await upload(`disk ${number}`).then(({ id, sha256 }) => hashes.set(id, sha256))
  })
  // Documents that are destroyed while the backup runs.
  const doomed = await deletedDaysAgo(service, { firm, admin }, 40)
  hashes.set(doomed.id, doomed.sha256 ?? '')

  const place = await emptyFolder()
  await cleanBackupFolder(place)
  // A collector two days ahead abandons uploads in progress, so none runs at the same time.
  const alone = pLimit(1)
  const load = keepBusy(async (turn) => {
    const { id } = await alone(() => upload(`during ${turn}`))
    await deleteDocument(service.url, { firm, id }, admin)
    await alone(() => collect(service, { inDays: 2 }))
  })
  const made = await createBackup(
    { ...service.app, owner: service.app.ownerConnection, version: '0' },
    beforeFirstFile(openBackupFolder(place), async () => {
      expect(await purgeAll(service)).toMatchObject({ purged: 1 })
      await alone(() => collect(service, { inDays: 2 }))
    }),
    {
      isRowsOnly: false,
      key: undefined,
      concurrency: 2,
      signal: never,
      patienceMs: 0,
      onWaiting: ignore,
      onTable: ignore,
      onTotal: ignore,
      onFile: ignore,
    },
  )
  await load.end()

  const scratch = await scratchPlace()
  const restored = await runCommand(scratch.folder, ['backup', 'restore', place, '--json'], scratch)
  const compared = await runCommand(scratch.folder, ['verify', '--json'], scratch)
  expect(made.manifest.files.lacking).toBe(0)
  expect(made.manifest.files.count).toBeGreaterThanOrEqual(10)
  expect(lastOf(restored.stdout)).toMatchObject({ ok: true })
  expect(lastOf(compared.stdout)).toMatchObject({ ok: true, files: made.manifest.files.count, not_here: 0 })
  const there = await hashesIn(scratch.settings)
  expect([...hashes].filter(([id, sha256]) => there.get(id) !== sha256)).toEqual([])
})

const ignore = () => undefined

async function serviceOnS3() {
  const [database, bucket] = [await databaseForTest(), await bucketForTest()]
  const { port } = new URL(bucket.s3.endpoint)
  const proxy = await startFaultProxy({ port: Number(port) })
  onTestFinished(() => proxy.close())
  const service = await startService(
    { ...database, ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`) },
    impatient,
  )
  onTestFinished(() => service.stop())
  return {
    service,
    ...(await firmWithAdmin(service)),
    keepS3Away: async (work: () => Promise<void>) => {
      proxy.setFault({ kind: 'refuse' })
      await proxy.cutAll()
      await work()
      proxy.setFault({ kind: 'none' })
      await expect.poll(() => service.app.stores.s3?.outage()).toBeUndefined()
    },
  }
}

/** Repeats an action until the signal. */
function keepBusy(work: (turn: number) => Promise<void>) {
  const ending = new AbortController()
  const working = (async () => {
    for (let turn = 0; !ending.signal.aborted; turn += 1) await work(turn)
  })()
  return {
    async end() {
      ending.abort()
      await working
    },
  }
}

/** A place with an action between the snapshot and the first copy. */
function beforeFirstFile(place: BackupStore, happen: () => Promise<void>): BackupStore {
  let happening: Promise<void> | undefined
  return {
    ...place,
    async write(name, content) {
      if (name.startsWith('files/')) await (happening ??= happen())
      await place.write(name, content)
    },
  }
}

/** The hash of each document's first version. */
async function hashesIn(settings: Record<string, string>): Promise<Map<string, string>> {
  const service = await startService({ ...settings, DATABASE_URL: 'embedded' })
  try {
    const { rows } = await sql<{ id: string; sha256: string }>`
      select document_id as id, sha256 from document_versions where bytes_state = 'present'`.execute(service.app.db)
    return new Map(rows.map(({ id, sha256 }) => [id, sha256]))
  } finally {
    await service.stop()
  }
}
