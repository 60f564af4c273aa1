import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { migrate } from '../../src/documents/moving/migrate-files.ts'
import { type PurgeCounts, purgeDaily } from '../../src/documents/purge/purge-trash.ts'
import { sendReminders } from '../../src/documents/renewal/send-reminders.ts'
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
const dayMs = 24 * 60 * 60 * 1000
/** What each purge did. */
const purges: PurgeCounts[] = []

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
  // One required type, so that applications are complete now and then.
  await query(`update document_types set is_required = code = 'registration_certificate'`)
  const firms = await Promise.all(
    [1, 2, 3].map(async () => {
      const firm = await makeFirm(app)
      return { firm, admin: await makeMember(app, firm), guard: await makeMember(app, firm, 'field_staff') }
    }),
  )
  const [reviewer, ...colleagues] = await Promise.all(
    Array.from({ length: 3 }, () => makePerson(app, { role: 'admin' })),
  )
  return { services, app, query, firms, reviewer: reviewer as Person, colleagues }
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
    body: JSON.stringify(
      Math.random() < 0.6
        ? { decision: 'verify', comment: 'seen' }
        : { decision: 'reject', reason_code: 'unreadable', comment: 'dark' },
    ),
  })
}

/** A request about a firm or the review queue. */
function ask(url: string, person: Person, path: string, method: string, body: object = {}): Promise<Response> {
  return fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...person.headers, 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  })
}
const decide: Verb = (url, { firm }) =>
  ask(url, scene.reviewer, `/security-firms/${firm}/application/review`, 'PUT', {
    decision: oneOf(['approve', 'reject']),
    reason: 'a test',
  })
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
  (url, of) => ask(url, of.admin, `/security-firms/${of.firm}/checklist`, 'GET'),
  (url, of) => ask(url, of.admin, `/security-firms/${of.firm}/submit-application`, 'POST'),
  decide,
  (url) => ask(url, scene.reviewer, '/review-queue/claim', 'POST'),
  (url, _of, id) => ask(url, oneOf(scene.colleagues), `/review-queue/claims/${id}`, 'POST'),
  (url, _of, id) => ask(url, oneOf(scene.colleagues), `/review-queue/claims/${id}`, 'DELETE'),
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
    await sql`update firm_applications set admin_notes = 'seen', updated_at = now()`.execute(app.db)
    const asOf = new Date(Date.now() + oneOf([1, 275, 400]) * dayMs)
    await sendReminders({ ...app, mailIsOn: true }, actor, { asOf, isDryRun: false, signal })
    const inSixtyDays = { ...app, now: () => new Date(Date.now() + 60 * dayMs) }
    purges.push(await purgeDaily(inSixtyDays, actor, signal))
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

const countReviews = () =>
  scene.query(`select action, count(*)::int from document_events
    where action like 'application.%' or action like 'document.claim%' or action like '%review%'
    group by action order by action`)

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

    console.log(`all verbs: ${JSON.stringify(Object.fromEntries(statuses))}, purges: ${JSON.stringify(purges)}`)
    console.log(`decisions, applications, claims: ${JSON.stringify(await countReviews())}`)
    expect(await deadlocks()).toBe(0)
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([])
    expect(statuses.get(201)).toBeGreaterThan(seconds)
    expect(purges.filter(({ failed }) => failed !== undefined)).toEqual([])
    expect(await findBlobFaults(scene.query)).toEqual([])
  },
)

test('every event of the run is sealed', async () => {
  await sealAll(scene.app.db)

  expect((await findFaults(scene.app.db)).findings).toEqual([])
})
