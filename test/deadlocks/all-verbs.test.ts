import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { migrate } from '../../src/documents/moving/migrate.ts'
import { purgeDaily } from '../../src/documents/purge/purge-trash.ts'
import { findFaults, sealAll } from '../audit/sealed-trail.ts'
import { findBlobFaults } from '../support/blobs/find-blob-faults.ts'
import { watchBlobs } from '../support/blobs/watch-blobs.ts'
import { addVersion, restoreVersion } from '../support/documents/call-versions.ts'
import { deleteDocument, restoreDocument } from '../support/documents/call-trash.ts'
import { callDocuments, uploadFile } from '../support/documents/call-documents.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { roundOf } from '../support/services/packages/test-services.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

const { seconds, rounds } = roundOf({ short: { seconds: 5, rounds: 1 }, long: { seconds: 60, rounds: 3 } })
const clients = 16

/**
 * Two instances on one database and one bucket, each with its own disk, and few firms and documents, so that all
 * requests conflict.
 */
const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const services: TestService[] = []
  for (const isOnS3 of ['true', 'false']) {
    const settings = { ...s3Settings(bucket), USE_S3_STORAGE: isOnS3, DATABASE_URL: database.url }
    const service = await startService(settings)
    closing.defer(() => service.stop())
    services.push(service)
  }
  const [{ app }] = services as [TestService]
  const query = async <Row>(text: string) => (await sql.raw<Row>(text).execute(app.db)).rows
  await watchBlobs(query)
  const firms = await Promise.all(
    [1, 2, 3].map(async () => {
      const firm = await makeFirm(app)
      return { firm, admin: await makeMember(app, firm), guard: await makeMember(app, firm, 'field_staff') }
    }),
  )
  return { services, app, query, firms, reviewer: await makePerson(app, { role: 'admin' }) }
})

type Firm = { firm: string; admin: Person; guard: Person }

/** The documents that the clients know. */
const known: { of: Firm; id: string }[] = []
const keys = Array.from({ length: 8 }, () => crypto.randomUUID())
const oneOf = <Value>(values: readonly Value[]): Value => {
  const value = values[Math.floor(Math.random() * values.length)]
  if (value === undefined) throw new Error('nothing to choose from')
  return value
}

type Verb = (url: string, of: Firm, id: string) => Promise<Response>

const review: Verb = async (url, { firm }, id) => {
  const seen = await callDocuments(url, firm, scene.reviewer, `/${id}`)
  return callDocuments(url, firm, scene.reviewer, `/${id}/review`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'if-match': seen.headers.get('etag') ?? '' },
    body: JSON.stringify({ status: 'verified' }),
  })
}
const hold: Verb = (url, { firm }, id) =>
  callDocuments(url, firm, scene.reviewer, `/${id}/disposal`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hold: Math.random() < 0.3, reason: 'a test' }),
  })

const verbs: Verb[] = [
  (url, of, id) => callDocuments(url, of.firm, of.admin, `/${id}/download`),
  (url, of, id) => callDocuments(url, of.firm, of.guard, `/${id}`),
  (url, of, id) => addVersion(url, { firm: of.firm, id }, of.admin, { bytes: makePdf({ seed: crypto.randomUUID() }) }),
  (url, of, id) => restoreVersion(url, { firm: of.firm, id }, of.admin, 1),
  (url, of, id) => deleteDocument(url, { firm: of.firm, id }, of.admin),
  (url, of, id) => restoreDocument(url, { firm: of.firm, id }, of.admin),
  review,
  hold,
  (url, of) => callDocuments(url, of.firm, of.admin),
]

async function upload(url: string, of: Firm): Promise<Response> {
  const isRepeat = Math.random() < 0.5
  const key = oneOf(keys)
  const options = isRepeat ? { bytes: makePdf({ seed: key }), headers: { 'idempotency-key': key } } : {}
  const answer = await uploadFile(url, of.firm, of.admin, { bytes: makePdf({ seed: crypto.randomUUID() }), ...options })
  if (answer.status === 201) known.push({ of, id: ((await answer.clone().json()) as { id: string }).id })
  return answer
}

/** The concurrent work of an administrator, the platform and the jobs. */
async function disturb({ app }: TestService, signal: AbortSignal): Promise<void> {
  const actor = systemActor('a test')
  const patience = { signal, patienceMs: 0, onWaiting: () => undefined }
  while (!signal.aborted) {
    const { id } = known.length === 0 ? { id: crypto.randomUUID() } : oneOf(known)
    await sql`update firm_documents set is_verified = not is_verified, updated_at = now() where id = ${id}::uuid`.execute(
      app.db,
    )
    await migrate(app, actor, {
      to: oneOf(['s3', 'local']),
      firmId: undefined,
      concurrency: 4,
      bytesPerSecond: undefined,
      deletesSource: Math.random() < 0.5,
      onResult: () => undefined,
      ...patience,
    })
    const inSixtyDays = { ...app, now: () => new Date(Date.now() + 60 * 24 * 60 * 60 * 1000) }
    await purgeDaily(inSixtyDays, actor, signal)
    await collectBlobs({ ...app, now: () => new Date(Date.now() + 60_000) }, signal)
  }
}

async function work(signal: AbortSignal, statuses: Map<number, number>): Promise<void> {
  while (!signal.aborted) {
    const { url } = oneOf(scene.services)
    const of = oneOf(scene.firms)
    const document = known.length === 0 || Math.random() < 0.3 ? undefined : oneOf(known)
    const answer = await (document === undefined ? upload(url, of) : oneOf(verbs)(url, document.of, document.id))
    const { status } = answer
    await answer.arrayBuffer()
    // Expected for downloads: each instance has files on its own disk that the other cannot read.
    const isElsewhere = status === 503 && /\/(download|restore)$/.test(new URL(answer.url).pathname)
    const counted = isElsewhere ? 404 : status
    statuses.set(counted, (statuses.get(counted) ?? 0) + 1)
  }
}

const deadlocks = async () => {
  const [row] = await scene.query<{ count: number }>(
    'select deadlocks::int as count from pg_stat_database where datname = current_database()',
  )
  return row?.count
}

test.each(Array.from({ length: rounds }, (_, round) => round + 1))(
  'all verbs at once, on the same documents, by people, jobs and the platform: no deadlock (round %i)',
  { timeout: (seconds + 120) * 1000 },
  async () => {
    const signal = AbortSignal.timeout(seconds * 1000)
    const statuses = new Map<number, number>()
    const people = Array.from({ length: clients }, () => work(signal, statuses))
    const others = scene.services.map((service) => disturb(service, signal))
    await Promise.all([...people, ...others])

    console.log(`all verbs: ${JSON.stringify(Object.fromEntries(statuses))}`)
    expect(await deadlocks()).toBe(0)
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([])
    expect(statuses.get(201)).toBeGreaterThan(seconds)
    expect(await findBlobFaults(scene.query)).toEqual([])
  },
)

test('every event of the run is sealed', async () => {
  await sealAll(scene.app.db)

  expect((await findFaults(scene.app.db)).findings).toEqual([])
})
