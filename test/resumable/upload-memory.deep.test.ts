import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it, onTestFinished } from 'vitest'

import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { manyAnHour } from '../support/service/many-an-hour.ts'
import { makeInstance } from '../support/service/start-instance.ts'
import { startService } from '../support/service/start-service.ts'
import { sendByTus } from './send-files.ts'

const root = join(import.meta.dirname, '../..')
const uploads = 40
const size = 100_000_000
const maxMiB = 256
const ways = [
  { store: 'local', pieces: 'in one request each', pieceBytes: size },
  { store: 's3', pieces: 'in one request each', pieceBytes: size },
  // Too small for a part of S3, so that each is written and read back once more.
  { store: 's3', pieces: 'in pieces of 4 MB', pieceBytes: 4_000_000 },
] as const

it.each(ways)(
  `${uploads} uploads of ${size / 1_000_000} MB at once into the store $store, $pieces, take less than ${maxMiB} MiB of memory`,
  { timeout: 1_800_000 },
  async ({ store, pieces, pieceBytes }) => {
    const { service, instance } = await openInstance(store === 's3')
    const { firm, admin } = await firmWithAdmin(service)
    const bytes = makePdf({ bytes: size })
    const pid = instance.pid() ?? 0
    const idleMiB = await readMiB(pid, 'VmRSS')
    const startedAt = performance.now()

    const sending = {
      endpoint: `${instance.url()}/api/v1/security-firms/${firm}/uploads`,
      person: admin,
      bytes,
      pieceBytes,
      retries: 20,
      retryAfterMs: 1000,
    }
    await Promise.all(Array.from({ length: uploads }, () => sendByTus(sending)))

    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
    const peakMiB = await readMiB(pid, 'VmHWM')
    console.log(`${store}, ${pieces}: ${idleMiB.toFixed(0)} MiB idle, ${peakMiB.toFixed(0)} MiB at most, ${seconds} s`)
    const answer = await fetch(`${service.url}/api/v1/security-firms/${firm}/documents`, { headers: admin.headers })
    const documents = (await answer.json()) as { sha256: string; storage: string }[]
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(documents.filter((each) => each.sha256 === sha256 && each.storage === store)).toHaveLength(uploads)
    expect(peakMiB).toBeLessThan(maxMiB)
  },
)

/** A service as an operator runs it, and the same installation in this process, which makes people and reads results. */
async function openInstance(isOnS3: boolean) {
  const opened = new AsyncDisposableStack()
  onTestFinished(() => opened.disposeAsync())
  const folder = await mkdtemp(join(tmpdir(), 'paniq-upload-memory-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const database = await freshMigratedDatabase()
  opened.defer(() => database.drop())
  const bucket = await freshBucket()
  opened.defer(() => bucket.remove())
  const settings = {
    ...(isOnS3 && s3Settings(bucket)),
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: 'a secret that the service and its instance share',
    MAX_UPLOAD_BYTES: String(size),
    DRAFT_FIRM_BYTES: String(uploads * size),
  }
  const service = await startService(settings)
  opened.defer(() => service.stop())
  const instance = await makeInstance({
    name: 'instance',
    folder: join(folder, 'instance'),
    root,
    env: { ...settings, ...manyAnHour, UPLOADS_DIR: service.app.config.uploadsDir },
    onEndByItself: console.error,
  })
  opened.defer(async () => void (await instance.kill()))
  await instance.start()
  return { service, instance }
}

async function readMiB(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
}
