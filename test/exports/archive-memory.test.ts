import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { migrate } from '../../src/documents/moving/migrate-files.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { seedDocumentsOf } from '../support/documents/seed-documents.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { manyAnHour } from '../support/service/many-an-hour.ts'
import { type Instance, makeInstance } from '../support/service/start-instance.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { roundOf } from '../support/services/packages/test-services.ts'
import { callArchive, ensureReaders, readArchive } from './read-archive.ts'

const root = join(import.meta.dirname, '../..')
const fileBytes = 1024 * 1024
/** Each round is larger than the memory that it may take. */
const { files } = roundOf({ short: { files: 120 }, long: { files: 2000 } })
const maxAddedMiB = 100

const opened = new AsyncDisposableStack()
let service: TestService
let instance: Instance
let folder: string
beforeAll(async () => {
  await ensureReaders()
  folder = await mkdtemp(join(tmpdir(), 'paniq-archive-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const database = await freshMigratedDatabase()
  opened.defer(() => database.drop())
  const bucket = await freshBucket()
  opened.defer(() => bucket.remove())
  const JWT_SECRET_KEY = 'a secret that the service and its instance share'
  const settings = { ...s3Settings(bucket), DATABASE_URL: database.url, JWT_SECRET_KEY }
  service = await startService(settings)
  opened.defer(() => service.stop())
  const { uploadsDir } = service.app.config
  instance = await makeInstance({
    name: 'instance',
    folder: join(folder, 'instance'),
    root,
    env: { ...settings, ...manyAnHour, UPLOADS_DIR: uploadsDir },
    onEndByItself: (why) => console.error(why),
  })
  await instance.start()
  opened.defer(async () => void (await instance.stop()))
})
afterAll(() => opened.disposeAsync())

it(
  `an archive of ${files} files of 1 MiB takes less than ${maxAddedMiB} MiB of memory from either store, and matches its manifest`,
  { timeout: 900_000 },
  async () => {
    const { firm, admin } = await firmWithAdmin(service)
    // A first archive loads the code.
    const other = await firmWithAdmin(service)
    await seedDocumentsOf(service, other, [fileBytes])
    await (await callArchive(instance.url() ?? '', other.firm, other.admin)).arrayBuffer()
    const seeded = await seedDocumentsOf(
      service,
      { firm, admin },
      Array.from({ length: files }, () => fileBytes),
    )

    for (const store of ['local', 's3'] as const) {
      if (store === 's3') await moveToS3(service)
      const path = join(folder, 'documents.zip')
      const added = await addedMiB(instance.pid() ?? 0, async () => {
        const answer = await callArchive(instance.url() ?? '', firm, admin)
        expect(answer.status).toBe(200)
        await pipeline(Readable.fromWeb(answer.body as never), createWriteStream(path))
      })
      const { entries, manifest } = await readArchive(path)

      console.log(`${files} files from ${store}: ${added.toFixed(0)} MiB added`)
      expect(added).toBeLessThan(maxAddedMiB)
      expect(
        entries
          .slice(0, -1)
          .map(({ sha256 }) => sha256)
          .toSorted(),
      ).toEqual(seeded.map(({ sha256 }) => String(sha256)).toSorted())
      expect(manifest.map(({ name, sha256 }) => ({ name, sha256 }))).toEqual(
        entries.slice(0, -1).map(({ name, sha256 }) => ({ name, sha256 })),
      )
      expect(manifest.filter(({ left_out: leftOut }) => leftOut !== '')).toEqual([])
    }
  },
)

/** The peak of a process during some work, above its memory before. */
async function addedMiB(pid: number, work: () => Promise<void>): Promise<number> {
  // 5: the peak begins again at the current value.
  await writeFile(`/proc/${pid}/clear_refs`, '5')
  const before = await readStatus(pid, 'VmRSS')
  await work()
  return (await readStatus(pid, 'VmHWM')) - before
}

async function readStatus(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
}

async function moveToS3({ app }: TestService): Promise<void> {
  const { outcomes } = await migrate(app, systemActor('a test'), {
    to: 's3',
    firmId: undefined,
    concurrency: 8,
    bytesPerSecond: undefined,
    deletesSource: true,
    patienceMs: 60_000,
    signal: new AbortController().signal,
    onResult: () => undefined,
    onWaiting: () => undefined,
  })
  expect(outcomes.failed).toBe(0)
}
