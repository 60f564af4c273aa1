import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it, onTestFinished } from 'vitest'
import { Upload } from 'tus-js-client'

import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import type { Person } from '../support/people/people.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { manyAnHour } from '../support/service/many-an-hour.ts'
import { makeInstance } from '../support/service/start-instance.ts'
import { startService } from '../support/service/start-service.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { roundOf } from '../support/services/packages/test-services.ts'

const megabyte = 1_000_000
const {
  bytes: size,
  cutEvery,
  kills,
} = roundOf({
  short: { bytes: 40 * megabyte, cutEvery: 6 * megabyte, kills: 2 },
  long: { bytes: 500 * megabyte, cutEvery: 20 * megabyte, kills: 2 },
})
const root = join(import.meta.dirname, '../..')

/** Two instances that run in turn at one address, behind a line that breaks. The second one has the disk of the first. */
async function openWeakLine(isOnS3: boolean) {
  const opened = new AsyncDisposableStack()
  onTestFinished(() => opened.disposeAsync())
  const folder = await mkdtemp(join(tmpdir(), 'paniq-weak-line-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const database = await freshMigratedDatabase()
  opened.defer(() => database.drop())
  const bucket = await freshBucket()
  opened.defer(() => bucket.remove())
  const [port = 0] = await findFreePorts(1)
  const settings = {
    ...(isOnS3 && s3Settings(bucket)),
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: 'a secret that the instances share',
    MAX_UPLOAD_BYTES: '600000000',
  }
  // It makes the people, and reads the result.
  const service = await startService(settings)
  opened.defer(() => service.stop())
  const start = async (name: string) => {
    const instance = await makeInstance({
      name,
      folder: join(folder, name),
      root,
      env: { ...settings, ...manyAnHour, PORT: String(port), UPLOADS_DIR: service.app.config.uploadsDir },
      onEndByItself: (why) => console.error(why),
    })
    await instance.start()
    opened.defer(async () => void (await instance.kill()))
    return instance
  }
  const proxy = await startFaultProxy({ port })
  opened.defer(() => proxy.close())
  const breaking = breakLines(proxy)
  opened.defer(async () => clearInterval(breaking))
  return { service, start, proxy, folder }
}

/** Of the connections 3 % are refused, and the others are cut at a random byte. */
function breakLines(proxy: FaultProxy): NodeJS.Timeout {
  const choose = () =>
    proxy.setFault(
      Math.random() < 0.03
        ? { kind: 'refuse' }
        : { kind: 'cut_up', afterBytes: Math.ceil(cutEvery / 2 + Math.random() * (cutEvery / 2)) },
    )
  choose()
  return setInterval(choose, 5)
}

type Sending = { endpoint: string; person: Person; path: string; onProgress: (sent: number) => void }

/** Returns when the client has the answer to the last piece. */
async function sendByTus({ endpoint, person, path, onProgress }: Sending): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  new Upload(createReadStream(path), {
    endpoint,
    headers: person.headers,
    metadata: { filename: 'archive.pdf', document_type: 'registration_certificate' },
    uploadSize: size,
    chunkSize: Infinity,
    retryDelays: Array.from({ length: 300 }, () => 100),
    onProgress,
    onError: reject,
    onSuccess: () => resolve(),
  }).start()
  await promise
}

it.each([
  ['S3', true],
  ['the local disk', false],
] as const)(
  `a file of ${size / megabyte} MB arrives on %s over a line that breaks, with kills of the service`,
  { timeout: 1_200_000 },
  async (_store, isOnS3) => {
    const { service, start, proxy, folder } = await openWeakLine(isOnS3)
    const { firm, admin } = await firmWithAdmin(service)
    const bytes = makePdf({ bytes: size })
    const path = join(folder, 'archive.pdf')
    await writeFile(path, bytes)
    let running = start('first')
    await running
    let killed = 0
    let sentBytes = 0

    await sendByTus({
      endpoint: `http://127.0.0.1:${proxy.port}/api/v1/security-firms/${firm}/uploads`,
      person: admin,
      path,
      onProgress(sent) {
        sentBytes = sent
        if (killed < kills && sent > (size * (killed + 1)) / (kills + 1)) {
          killed += 1
          running = running.then(async (instance) => {
            await instance.kill()
            return start(`after kill ${killed}`)
          })
        }
      },
    })
    await running

    expect([killed, sentBytes, proxy.connections() > size / cutEvery]).toEqual([kills, size, true])
    const [document, ...others] = await documentsOf(service.url, firm, admin)
    expect(others).toEqual([])
    expect(document).toMatchObject({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      file_size: size,
      storage: isOnS3 ? 's3' : 'local',
    })
  },
)

async function documentsOf(url: string, firm: string, { headers }: Person): Promise<object[]> {
  const answer = await fetch(`${url}/api/v1/security-firms/${firm}/documents`, { headers })
  return (await answer.json()) as object[]
}
