import { expect, it } from 'vitest'

import type { DocumentShape, EventShape } from '../../src/contract/documents.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion, readVersion, restoreVersion } from '../support/documents/call-versions.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf, makePng } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { makeMember } from '../support/people/people.ts'
import { compareWithPlatform } from '../support/platform/compare-with-platform.ts'

const stores = serviceOnBothStores()

type Received = DocumentShape & { duplicate_of?: string }
const received = async (answer: Response) => (await answer.json()) as Received
for (const where of ['onS3', 'onDisk'] as const)
  it(`50 versions by 10 clients at once are numbered 1 to 50, none lost, and the 7th comes back (${where})`, async () => {
    const { app, url } = stores[where]
    const { firm, admin } = await firmWithAdmin(stores[where])
    const { id } = await uploadDocument(url, firm, admin, { bytes: makePdf({ seed: 'version 0' }) })
    const of = { firm, id }
    const byVersion = new Map([[1, sha256Of(makePdf({ seed: 'version 0' }))]])

    let next = 1
    const client = async () => {
      const person = await makeMember(app, firm, 'field_staff')
      while (next < 50) {
        const bytes = makePdf({ seed: `version ${next++}` })
        const answer = await addVersion(url, of, person, { bytes })
        expect(answer.status).toBe(201)
        const document = await received(answer)
        expect([document.sha256, document.uploaded_by]).toEqual([sha256Of(bytes), person.id])
        expect(byVersion.has(document.version)).toBe(false)
        byVersion.set(document.version, sha256Of(bytes))
      }
    }
    await Promise.all(Array.from({ length: 10 }, client))

    const numbers = Array.from({ length: 50 }, (_, index) => 50 - index)
    const listed = (await (await callDocuments(url, firm, admin, `/${id}/versions`)).json()) as DocumentShape[]
    expect(listed.map(({ version }) => version)).toEqual(numbers)
    for (const { version, sha256 } of listed) {
      expect(sha256).toBe(byVersion.get(version))
      expect(sha256Of(await readVersion(url, of, admin, version))).toBe(sha256)
    }

    const restored = await received(await restoreVersion(url, of, admin, 7))
    expect(restored).toMatchObject({ version: 51, sha256: byVersion.get(7), uploaded_by: admin.id, is_verified: false })
    expect(sha256Of(await readVersion(url, of, admin, 51))).toBe(byVersion.get(7))
    expect(sha256Of(await readVersion(url, of, admin, 7))).toBe(byVersion.get(7))

    const places = await app.db
      .selectFrom('document_versions')
      .select('storage_key')
      .where('document_id', '=', id as DocumentId)
      .execute()
    expect(new Set(places.map(({ storage_key: key }) => key)).size).toBe(51)
    const history = (await (await callDocuments(url, firm, admin, `/${id}/events`)).json()) as EventShape[]
    const recorded = history.filter(({ action }) => /uploaded$|version_(added|restored)$/.test(action))
    expect(recorded.map(({ action, version }) => [action, version])).toEqual([
      ['document.version_restored', 51],
      ...numbers.slice(0, -1).map((number) => ['document.version_added', number]),
      ['document.uploaded', 1],
    ])
    expect(recorded[0]?.details).toMatchObject({ restored: 7 })
    expect(await compareWithPlatform(app, id)).toEqual([])
  })

it('the list of versions is paged', async () => {
  const { url } = stores.onDisk
  const { firm, admin } = await firmWithAdmin(stores.onDisk)
  const { id } = await uploadDocument(url, firm, admin)
  for (const seed of ['two', 'three']) await addVersion(url, { firm, id }, admin, { bytes: makePdf({ seed }) })

  const first = await callDocuments(url, firm, admin, `/${id}/versions?limit=2`)
  const next = /<([^>]+)>/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
  const second = await fetch(`${url}${next}`, { headers: admin.headers })

  const numbers = [...((await first.json()) as DocumentShape[]), ...((await second.json()) as DocumentShape[])]
  expect(numbers.map(({ version }) => version)).toEqual([3, 2, 1])
  expect(second.headers.get('link')).toBeNull()
})

it('a version may have another format and name, which the document then has', async () => {
  const { url, app } = stores.onDisk
  const { firm, admin } = await firmWithAdmin(stores.onDisk)
  const { id } = await uploadDocument(url, firm, admin)

  const answer = await addVersion(url, { firm, id }, admin, { bytes: makePng(), fileName: 'licence 2027.png' })

  const document = await (await callDocuments(url, firm, admin, `/${id}`)).json()
  expect(document).toEqual(await received(answer))
  expect(document).toMatchObject({ version: 2, file_name: 'licence 2027.png', mime_type: 'image/png' })
  expect(answer.headers.get('location')).toBe(`/api/v1/security-firms/${firm}/documents/${id}`)
  expect(await compareWithPlatform(app, id)).toEqual([])
})

it('a version is rejected for the same reasons as an upload, and the document stays unchanged', async () => {
  const { url, app } = stores.onDisk
  const { firm, admin } = await firmWithAdmin(stores.onDisk)
  const before = await uploadDocument(url, firm, admin, { type: 'tax_clearance' })
  const of = { firm, id: before.id }
  await app.db.updateTable('document_types').set({ max_bytes: 2000 }).where('code', '=', 'tax_clearance').execute()

  const refused = [
    [415, await addVersion(url, of, admin, { bytes: Buffer.from('MZ no document') })],
    [422, await addVersion(url, of, admin, { bytes: Buffer.alloc(0) })],
    [422, await addVersion(url, of, admin, { query: { sha256: '0'.repeat(64) } })],
    [413, await addVersion(url, of, admin, { bytes: makePdf({ bytes: 2001 }) })],
    [404, await addVersion(url, { firm, id: firm }, admin)],
    [404, await restoreVersion(url, of, admin, 2)],
    [404, await restoreVersion(url, of, admin, 'x')],
    [404, await callDocuments(url, firm, admin, `/${before.id}/versions/2/download`)],
  ] as const
  await app.db.updateTable('document_types').set({ is_active: false }).where('code', '=', 'tax_clearance').execute()
  const inactive = await addVersion(url, of, admin)

  expect(refused.map(([, { status }]) => status)).toEqual(refused.map(([status]) => status))
  expect(inactive.status).toBe(422)
  expect(await (await callDocuments(url, firm, admin, `/${before.id}`)).json()).toEqual(before)
})

it('content that the firm already has is accepted, and the answer names the duplicate', async () => {
  const { url, app } = stores.onDisk
  const { firm, admin } = await firmWithAdmin(stores.onDisk)
  const other = await firmWithAdmin(stores.onDisk)
  await app.db
    .updateTable('document_types')
    .set({ confidential: true })
    .where('code', '=', 'identity_document')
    .execute()
  const guard = await makeMember(app, firm, 'field_staff')
  const bytes = makePng({ seed: 'an identity' })
  const options = { bytes, fileName: 'id.png' }

  const hidden = await uploadDocument(url, firm, admin, { ...options, type: 'identity_document' })
  const byGuard = (await uploadDocument(url, firm, guard, options)) as Received
  const byAdmin = (await uploadDocument(url, firm, admin, options)) as Received
  const asVersion = await received(await addVersion(url, { firm, id: byGuard.id }, guard, options))
  const elsewhere = (await uploadDocument(url, other.firm, other.admin, options)) as Received

  // A guard cannot see a confidential document.
  expect([byGuard, byAdmin, asVersion, elsewhere].map(({ duplicate_of: of }) => of)).toEqual([
    undefined,
    hidden.id,
    byGuard.id,
    undefined,
  ])
})

it('a version repeated under the same idempotency key is one version, and for another document a conflict', async () => {
  const { url } = stores.onDisk
  const { firm, admin } = await firmWithAdmin(stores.onDisk)
  const { id } = await uploadDocument(url, firm, admin)
  const { id: otherId } = await uploadDocument(url, firm, admin)
  const key = { headers: { 'idempotency-key': 'k1' } }
  const bytes = makePdf({ seed: 'once' })

  const answers = await Promise.all(
    Array.from({ length: 5 }, () => addVersion(url, { firm, id }, admin, { bytes, ...key })),
  )
  await addVersion(url, { firm, id }, admin)
  const late = await addVersion(url, { firm, id }, admin, { bytes, ...key })
  const otherFile = await addVersion(url, { firm, id }, admin, key)
  const otherDocument = await addVersion(url, { firm, id: otherId }, admin, { bytes, ...key })
  const asUpload = await uploadDocument(url, firm, admin, { bytes, ...key })

  const versions = await Promise.all([...answers, late].map(received))
  expect(versions.map(({ id: of, version }) => [of, version])).toEqual(Array.from({ length: 6 }, () => [id, 2]))
  expect([otherFile.status, otherDocument.status]).toEqual([409, 409])
  expect(asUpload.version).toBe(1)
})

it('a version with faulty bytes cannot be restored, and the document stays unchanged', async () => {
  for (const where of ['onS3', 'onDisk'] as const) {
    const { url, app } = stores[where]
    const { firm, admin } = await firmWithAdmin(stores[where])
    const { id } = await uploadDocument(url, firm, admin, { bytes: makePdf({ seed: 'first' }) })
    await addVersion(url, { firm, id }, admin, { bytes: makePdf({ seed: 'second' }) })
    await app.db
      .updateTable('document_versions')
      .set({ sha256: sha256Of(Buffer.from('other bytes')) })
      .where('document_id', '=', id as DocumentId)
      .where('version', '=', 1)
      .execute()

    const answer = await restoreVersion(url, { firm, id }, admin, 1)

    expect([answer.status, (await problemOf(answer)).code]).toEqual([410, 'gone'])
    const marked = await app.db
      .selectFrom('document_versions')
      .select(['version', 'bytes_state'])
      .where('document_id', '=', id as DocumentId)
      .orderBy('version')
      .execute()
    expect(marked.map(({ bytes_state: state }) => state)).toEqual(['wrong', 'present'])
    expect((await restoreVersion(url, { firm, id }, admin, 1)).status).toBe(410)
  }
})

it('a missing version gets the same error, whether the document exists or not', async () => {
  const { url } = stores.onDisk
  const { firm, admin } = await firmWithAdmin(stores.onDisk)
  const { id } = await uploadDocument(url, firm, admin)
  const detailOf = async (document: string, rest: string, method = 'GET') => {
    const answer = await callDocuments(url, firm, admin, `/${document}/versions/7/${rest}`, { method })
    expect(answer.status).toBe(404)
    return (await problemOf(answer)).detail
  }

  const details = [
    await detailOf(id, 'download'),
    await detailOf(id, 'restore', 'POST'),
    await detailOf(crypto.randomUUID(), 'download'),
  ]
  expect(new Set(details)).toEqual(new Set([expect.stringContaining('no version 7')]))
})
