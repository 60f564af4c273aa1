import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { type Db, openDatabase } from '../../../src/database/connection/client.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { startFaultProxy } from '../../support/service/fault-proxy.ts'
import { queryWith } from '../../support/blobs/query.ts'
import { watchBlobs } from '../../support/blobs/watch-blobs.ts'
import { findStoreId } from '../../../src/storage/local/local-files.ts'
import { enableVersions, type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { lastingHeaders } from '../../support/http/lasting-headers.ts'
import { manyAnHour } from '../../support/service/many-an-hour.ts'
import { addMember, makeFirm, makePerson, type Person, type Registry } from '../../support/people/people.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { findFreePorts } from '../../support/services/packages/free-ports.ts'
import type { ServiceAddresses } from '../../support/services/packages/service-addresses.ts'
import { cast, type FirmName, firmNames, type PersonName } from './cast.ts'
import { openScanner, type Scanner, type SharedClamd } from './scanner.ts'
import { openService, type Service } from '../program/service.ts'
import { makeSpoiler, type Spoiler } from './spoil.ts'
import type { Real } from './verb.ts'
import { importAccessKey } from '../../../src/people/sessions/token-keys.ts'
import { makePassableFolder } from '../../support/run/passable-folder.ts'

const maxUploadBytes = 18 * 2 ** 20
/** A smaller limit than usual, so that "too large" is cheap to try. */
export const smallType = { code: 'bee_certificate', maxBytes: 60_000 }

/** One real service with its own database and bucket, and a proxy between it and S3. Used for many histories. */
export type World = {
  url: string
  folder: string
  uploadsDir: string
  /** The id of its disk. */
  storeId(): Promise<string>
  bucket: FreshBucket
  db: Db
  setS3: Spoiler
  /** Undefined: this world has no scanner. */
  scanner: Scanner | undefined
  service: Service
  untilUploadsGoToS3(): Promise<void>
  /** A person outside of all histories who tests whether uploads go to S3. */
  scout: Scout
  newFirms(): Promise<Pick<Real, 'firms' | 'people' | 'administrator' | 'salt'>>
  close(): Promise<void>
}

type Scout = { firm: FirmId; person: Person }

type WorldOptions = {
  clamd: SharedClamd | undefined
  /** Whether the bucket is versioned. */
  isVersioned: boolean
}

export async function openWorld(services: ServiceAddresses, { clamd, isVersioned }: WorldOptions): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const folder = await makePassableFolder('paniq-model-')
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const bucket = await freshBucket(services.s3)
  opened.defer(() => bucket.remove())
  if (isVersioned) await enableVersions(bucket)
  const database = await freshDatabase(services.postgres.adminUrl)
  opened.defer(() => database.drop())
  const { hostname, port: s3Port } = new URL(bucket.s3.endpoint)
  const proxy = await startFaultProxy({ host: hostname, port: Number(s3Port) })
  opened.defer(() => proxy.close())

  const scanner = clamd && (await openScanner(clamd))
  opened.defer(async () => scanner?.close())
  const [port = 0] = await findFreePorts(1)
  const secret = randomBytes(32).toString('hex')
  const uploadsDir = join(folder, 'uploads')
  const env = {
    ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`),
    // Clients reach S3 directly; the proxy is between the service and S3.
    S3_PUBLIC_ENDPOINT_URL: bucket.s3.endpoint,
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: secret,
    ...manyAnHour,
    DATA_DIR: join(folder, 'data'),
    UPLOADS_DIR: uploadsDir,
    MAX_UPLOAD_BYTES: String(maxUploadBytes),
    // The firms of these tests are never approved.
    DRAFT_FIRM_BYTES: 'off',
    PORT: String(port),
    ...(scanner && { CLAMD_URL: scanner.url }),
  }
  const { db } = openDatabase(
    { connectionString: database.url, max: 2 },
    createLogger({ level: 'silent', isTerminal: false }),
  )
  opened.defer(() => db.destroy())
  const url = `http://127.0.0.1:${port}`
  const { owner } = bucket.s3
  const asOperator = { AWS_ACCESS_KEY_ID: owner.accessKeyId, AWS_SECRET_ACCESS_KEY: owner.secretAccessKey }
  const service = openService({ place: { folder, env, url, log: join(folder, 'log') }, asOperator, db })
  opened.defer(() => service.close())
  await service.start()
  await watchBlobs(queryWith(db))
  await db
    .updateTable('document_types')
    .set({ max_bytes: smallType.maxBytes })
    .where('code', '=', smallType.code)
    .execute()
  const registry = { db, keys: { accessKey: await importAccessKey(secret) }, now: () => new Date(), secret }
  const scout = await makeScout(registry)

  const closing = opened.move()
  return {
    url,
    folder,
    uploadsDir,
    async storeId() {
      return (await findStoreId(uploadsDir)) ?? 'no disk'
    },
    bucket,
    db,
    scanner,
    service,
    scout,
    setS3: makeSpoiler(proxy, 5),
    untilUploadsGoToS3: () => untilUploadsGoToS3(url, scout),
    newFirms: () => newFirms(registry),
    close: () => closing.disposeAsync(),
  }
}

type WorldRegistry = Registry & { secret: string }

/** The token outlasts a long run. */
async function makeLastingPerson(
  registry: WorldRegistry,
  wish: Parameters<typeof makePerson>[1] = {},
): Promise<Person> {
  const person = await makePerson(registry, wish)
  const token = person.headers.authorization.replace('Bearer ', '')
  return { ...person, headers: await lastingHeaders(token, registry.secret) }
}

async function newFirms(registry: WorldRegistry) {
  const firms = Object.fromEntries(await Promise.all(firmNames.map(async (name) => [name, await makeFirm(registry)])))
  const enlist = async ([name, { firm, role }]: [string, (typeof cast)[PersonName]]) => {
    const person = await makeLastingPerson(registry)
    await addMember(registry, firms[firm], person, { role })
    return [name, person]
  }
  // The names are those of the cast.
  const people: Record<PersonName, Person> = Object.fromEntries(await Promise.all(Object.entries(cast).map(enlist)))
  const administrator = await makeLastingPerson(registry, { role: 'admin' })
  return { firms: firms as Record<FirmName, FirmId>, people, administrator, salt: firms[firmNames[0]] }
}

const returnsWithinMs = 60_000

/** S3 answers again. The service must detect this by itself. */
async function untilUploadsGoToS3(url: string, { firm, person }: Scout): Promise<void> {
  let last = ''
  for (const giveUpAt = Date.now() + returnsWithinMs; Date.now() < giveUpAt; await sleep(20)) {
    last = await uploadDocument(url, firm, person).then(
      ({ storage }) => storage,
      (error: unknown) => String(error),
    )
    if (last === 's3') return
  }
  throw new Error(`S3 answers since ${returnsWithinMs / 1000} s, and new files do not go there: ${last}`)
}

async function makeScout(registry: WorldRegistry): Promise<Scout> {
  const firm = await makeFirm(registry)
  const person = await makeLastingPerson(registry)
  await addMember(registry, firm, person)
  return { firm, person }
}
