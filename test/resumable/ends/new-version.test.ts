import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { deleteDocument } from '../../support/documents/call-trash.ts'
import { addVersion, readVersion } from '../../support/documents/call-versions.ts'
import { makeInfectedPdf } from '../../support/files/infected-files.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { isThere, purgeAll } from '../../support/purge/purge-scene.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { callUploads } from '../call-uploads.ts'
import {
  eventsOf,
  finish,
  leftOf,
  sceneOfEnds,
  type Store,
  stores,
  type UploadEvent,
  uploadAndKill,
} from './scene-of-ends.ts'

const scene = sceneOfEnds()
const first = makePdf({ bytes: 40_000, seed: 'first' })
const second = makePdf({ bytes: 7_000_000, seed: 'second' })

async function documentOf(store: Store, type = 'registration_certificate') {
  const service = scene[store]
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin, { type, bytes: first })
  return { service, firm, admin, document, uploads: callUploads({ url: service.url, firm, person: admin }) }
}

const versionOf = (documentId: string, more: Record<string, string> = {}) => ({
  metadata: { document_id: documentId, ...more },
})

/** Without those of the first version. */
async function versionEventsOf(service: TestService, firm: FirmId): Promise<UploadEvent[]> {
  return (await eventsOf(service, firm)).filter(({ action }) => action !== 'document.uploaded')
}

/** Of a document that the firm uploads before. */
const versionOfFirst = async (service: TestService, firm: string, person: Person) =>
  versionOf((await uploadDocument(service.url, firm, person, { bytes: first })).id)

async function read({ url }: TestService, { firm_id: firm, id }: DocumentShape, person: Person) {
  return (await (await callDocuments(url, firm, person, `/${id}`)).json()) as DocumentShape
}

it.each(stores)('pieces become the newest version of a document, once for an idempotency key: %s', async (store) => {
  const { service, firm, admin, document, uploads } = await documentOf(store)
  const send = async () => {
    const address = await uploads.beginAt(second.length, versionOf(document.id, { idempotency_key: 'renewal' }))
    await uploads.send(address, 0, second.subarray(0, 3_000_000))
    return uploads.send(address, 3_000_000, second.subarray(3_000_000))
  }
  const answer = await send()
  expect(answer.status).toBe(204)
  expect(answer.headers.get('content-location')).toBe(`/api/v1/security-firms/${firm}/documents/${document.id}`)
  expect((await send()).status).toBe(204)

  expect(await read(service, document, admin)).toMatchObject({
    version: 2,
    document_type: 'registration_certificate',
    file_size: second.length,
    review_status: 'pending',
  })
  expect((await readVersion(service.url, { firm, id: document.id }, admin, 1)).equals(first)).toBe(true)
  expect((await readVersion(service.url, { firm, id: document.id }, admin, 2)).equals(second)).toBe(true)
  const history = await callDocuments(service.url, firm, admin, `/${document.id}/events`)
  expect(JSON.stringify(await history.json())).toContain('document.version_added')
  expect((await leftOf(scene, service, firm)).states).toEqual(['live', 'live'])
})

it('the key of a resumable version is that of a form', async () => {
  const { service, firm, admin, document, uploads } = await documentOf('onS3')
  const whole = await uploads.begin(second.length, {
    ...versionOf(document.id, { idempotency_key: 'once' }),
    piece: second,
  })
  expect(whole.status).toBe(201)
  const form = { bytes: second, headers: { 'idempotency-key': 'once' } }
  const answer = await addVersion(service.url, { firm, id: document.id }, admin, form)

  expect([answer.status, ((await answer.json()) as DocumentShape).version]).toEqual([201, 2])
  expect((await read(service, document, admin)).version).toBe(2)
})

it('who may not add a version begins none, and a document in the trash takes none', async () => {
  const { service, firm, admin, document } = await documentOf('onS3', 'identity_document')
  const begin = async (person: Person, id: string = document.id) => {
    const { status, code } = await callUploads({ url: service.url, firm, person }).begin(second.length, versionOf(id))
    return `${status} ${code}`
  }
  const other = await makeMember(service.app, firm, 'firm_user')
  expect(await begin(await makePerson(service.app))).toBe('403 not_a_member')
  expect(await begin(await makePerson(service.app, { role: 'admin' }))).toBe('403 forbidden')
  // The type is confidential, so that the document does not exist for a member who did not upload it.
  expect(await begin(other)).toBe('404 not_found')
  expect(await begin(admin, '00000000-0000-4000-8000-000000000000')).toBe('404 not_found')
  expect(await begin(admin, 'no id')).toBe('422 validation_failed')
  await deleteDocument(service.url, { firm, id: document.id }, admin)
  expect(await begin(admin)).toBe('410 gone')
  expect((await leftOf(scene, service, firm)).states).toEqual(['live'])
})

it.each(stores)(
  'a document that goes into the trash meanwhile takes no version, and nothing is left: %s',
  async (store) => {
    const { service, firm, admin, document, uploads } = await documentOf(store)
    const address = await uploads.beginAt(second.length, versionOf(document.id))
    await uploads.send(address, 0, second.subarray(0, 3_000_000))
    await deleteDocument(service.url, { firm, id: document.id }, admin)
    const answer = await uploads.send(address, 3_000_000, second.subarray(3_000_000))

    expect(`${answer.status} ${answer.code}`).toBe('410 gone')
    expect((await leftOf(scene, service, firm)).states).toEqual(['live'])
    expect((await uploads.view(address)).status).toBe(410)
    const gone = { action: 'document.version_added', outcome: 'gone', actor_id: admin.id }
    // The last piece, and the question after it.
    expect(await versionEventsOf(service, firm)).toMatchObject([{ ...gone, document_id: document.id }, gone])
  },
)

it.each(stores)('the upload of a version ends with the purge of its document: %s', async (store) => {
  const { service, firm, person, uploads, address } = await uploadAndKill(scene, store, second, versionOfFirst)
  const [document] = (await (await callDocuments(service.url, firm, person)).json()) as DocumentShape[]
  const incomplete = await uploads.beginAt(second.length, versionOf(document?.id ?? ''))
  await uploads.send(incomplete, 0, second.subarray(0, 3_000_000))
  await deleteDocument(service.url, { firm, id: document?.id ?? '' }, person)
  // As if a minute had passed: the claim of the bytes behind the last part is over.
  await sql`update document_blobs set claimed_until = now() where firm_id = ${firm}`.execute(service.app.db)
  await purgeAll(service, { inDays: 40 })
  expect(await isThere(service, document?.id ?? '')).toBe(false)

  for (const each of [address, incomplete]) {
    expect((await uploads.view(each)).status).toBe(404)
    expect((await uploads.send(each, 3_000_000, second.subarray(3_000_000))).status).toBe(404)
  }
  expect(await finish(service)).toEqual({ finished: 0, rejected: 0, left: 0 })
  expect((await leftOf(scene, service, firm)).states).not.toContain('incoming')
})

async function withoutResults(db: TestService['app']['db'], work: () => Promise<{ status: number }>): Promise<number> {
  await sql`alter table document_uploads add constraint no_result check (result_document_id is null) not valid`.execute(
    db,
  )
  const { status } = await work()
  await sql`alter table document_uploads drop constraint no_result`.execute(db)
  return status
}

it.each(stores)('no version exists before its upload knows of it: %s', async (store) => {
  const { service, firm, admin, document, uploads } = await documentOf(store)
  const address = await uploads.beginAt(second.length, versionOf(document.id))

  expect(await withoutResults(service.app.db, () => uploads.send(address, 0, second))).toBe(500)
  expect(await read(service, document, admin)).toMatchObject({ version: 1 })
  expect((await uploads.send(address, second.length - 1, second.subarray(-1))).status).toBe(204)
  expect(await read(service, document, admin)).toMatchObject({ version: 2, file_size: second.length })
  expect((await leftOf(scene, service, firm)).states).toEqual(['live', 'live'])
})

it.each(stores)('a replay whose result could not be recorded is answered to the next request: %s', async (store) => {
  const { service, firm, uploads, document } = await documentOf(store)
  const wish = versionOf(document.id, { idempotency_key: 'twice' })
  expect((await uploads.begin(second.length, { ...wish, piece: second })).status).toBe(201)
  const address = await uploads.beginAt(second.length, wish)
  expect(await withoutResults(service.app.db, () => uploads.send(address, 0, second))).toBe(500)

  const answer = await uploads.send(address, second.length - 1, second.subarray(-1))
  expect(answer.headers.get('content-location')).toBe(`/api/v1/security-firms/${firm}/documents/${document.id}`)
  expect((await leftOf(scene, service, firm)).states).toEqual(['live', 'live'])
})

it.each(stores)('the service finishes a version whose client does not come back: %s', async (store) => {
  const { service, firm, person } = await uploadAndKill(scene, store, second, versionOfFirst)
  expect(await finish(service)).toMatchObject({ finished: 1 })

  const documents = (await (await callDocuments(service.url, firm, person)).json()) as DocumentShape[]
  expect(documents).toMatchObject([{ version: 2, file_size: second.length }])
  const event = { action: 'document.version_added', outcome: 'ok', document_id: documents[0]?.id, actor_id: person.id }
  expect(await versionEventsOf(service, firm)).toMatchObject([{ ...event, ip: 'system' }])
})

it.each(stores)(
  'a version that is rejected without its client is in the history of its document: %s',
  async (store) => {
    const infected = makeInfectedPdf({ bytes: 300_000 })
    const { service, firm, person } = await uploadAndKill(scene, store, infected, versionOfFirst)
    expect(await finish(service)).toMatchObject({ rejected: 1 })

    const [document] = (await (await callDocuments(service.url, firm, person)).json()) as DocumentShape[]
    const event = { action: 'document.version_added', outcome: 'infected', actor_id: person.id, ip: 'system' }
    expect(await versionEventsOf(service, firm)).toMatchObject([{ ...event, document_id: document?.id }])
  },
)
