import { randomUUID } from 'node:crypto'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'

import { sql, type Updateable } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { Tables } from '../../src/database/connection/tables.ts'
import { dayInJohannesburg } from '../../src/vocabulary/days.ts'
import type { DocumentId, FirmId, StoreId } from '../../src/vocabulary/vocabulary.ts'
import { serveAt } from '../people/call-people.ts'
import { callDocuments, uploadDocument, type UploadOptions } from '../support/documents/call-documents.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { findingScanner, findOnDisk } from '../support/scanning/finding-scanner.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { archiveOf, callArchive, ensureReaders } from './read-archive.ts'

let service: TestService
beforeAll(async () => {
  await ensureReaders()
  service = await startService()
})
afterAll(async () => service.stop())

type Scene = { firm: FirmId; admin: Person; upload: (name: string, wish?: UploadOptions) => Promise<DocumentShape> }

async function makeScene(): Promise<Scene> {
  const { firm, admin } = await firmWithAdmin(service)
  const upload = (name: string, wish: UploadOptions = {}) =>
    uploadDocument(service.url, firm, admin, {
      type: 'tax_clearance',
      fileName: `${name}.pdf`,
      bytes: makePdf({ seed: name }),
      ...wish,
    })
  return { firm, admin, upload }
}

/** Changes the row of a document's version, as only the platform or a fault would. */
async function change(id: string, values: Updateable<Tables['document_versions']>): Promise<void> {
  await service.app.db
    .updateTable('document_versions')
    .set(values)
    .where('document_id', '=', id as DocumentId) // the service's own
    .execute()
}

async function pathOf({ id }: DocumentShape): Promise<string> {
  const { storage_key: key } = await service.app.db
    .selectFrom('document_versions')
    .select('storage_key')
    .where('document_id', '=', id as DocumentId) // the service's own
    .executeTakeFirstOrThrow()
  return `${service.folder}/uploads/${key}`
}

/** The names in the archive without the manifest, and what the manifest says of those that are left out. */
async function namesAndLeftOut({ firm, admin }: Scene, url = service.url) {
  const { entries, manifest } = await archiveOf(url, firm, admin)
  return {
    names: entries.slice(0, -1).map(({ name }) => name.replace(/^.*\//, '')),
    leftOut: manifest
      .filter(({ left_out: reason }) => reason !== '')
      .map(({ original_name: name, left_out: reason }) => `${name}: ${reason}`),
  }
}

it('a firm without documents gets an archive with an empty manifest', async () => {
  const { firm, admin } = await makeScene()
  const { entries, manifest } = await archiveOf(service.url, firm, admin)

  expect(entries.map(({ name }) => name)).toEqual(['manifest.csv'])
  expect(manifest).toEqual([])
})

it('the archive has the current versions outside the trash, and with include=versions the earlier ones', async () => {
  const { firm, admin, upload } = await makeScene()
  const second = makePdf({ seed: 'the second' })
  const document = await upload('Tax')
  await addVersion(service.url, { firm, id: document.id }, admin, { fileName: 'Tax new.pdf', bytes: second })
  const deleted = await upload('deleted')
  await callDocuments(service.url, firm, admin, `/${deleted.id}`, { method: 'DELETE' })

  const current = await archiveOf(service.url, firm, admin)
  const all = await archiveOf(service.url, firm, admin, '?include=versions')

  expect(current.manifest.map(({ name, version, sha256 }) => [name, version, sha256])).toEqual([
    ['tax_clearance/Tax new.pdf', '2', sha256Of(second)],
  ])
  expect(all.manifest.map(({ name, version }) => [name, version])).toEqual([
    ['tax_clearance/Tax (version 1).pdf', '1'],
    ['tax_clearance/Tax new.pdf', '2'],
  ])
  expect(all.entries.map(({ name }) => name)).toEqual([...all.manifest.map(({ name }) => name), 'manifest.csv'])
  expect(all.entries[1]?.sha256).toBe(sha256Of(second))
})

it('while a newer version waits, the archive also has the version in force', async () => {
  const { firm, admin, upload } = await makeScene()
  const administrator = await makePerson(service.app, { role: 'admin' })
  const document = await upload('Tax')
  await upload('Another')
  await reviewDocument(service.url, { firm, id: document.id }, administrator, { decision: 'verify' })
  const second = makePdf({ seed: 'the second' })
  await addVersion(service.url, { firm, id: document.id }, admin, { fileName: 'Tax.pdf', bytes: second })

  const { entries, manifest } = await archiveOf(service.url, firm, admin)

  expect(manifest.map((row) => [row['name'], row['version'], row['review_state'], row['in_force']])).toEqual([
    ['tax_clearance/Tax (version 1).pdf', '1', 'verified', 'yes'],
    ['tax_clearance/Tax.pdf', '2', 'pending', ''],
    ['tax_clearance/Another.pdf', '1', 'pending', ''],
  ])
  expect(entries.map(({ name }) => name)).toEqual([...manifest.map(({ name }) => name), 'manifest.csv'])
})

it('a version is in force on its last day, and not on the next', async () => {
  const { firm, admin, upload } = await makeScene()
  const administrator = await makePerson(service.app, { role: 'admin' })
  const today = dayInJohannesburg(new Date())
  for (const name of ['Ends today', 'Is over']) {
    const { id } = await upload(name)
    await reviewDocument(service.url, { firm, id }, administrator, { decision: 'verify', valid_until: today })
    if (name === 'Is over')
      await sql`update document_versions set valid_until = ${today}::date - 1 where document_id = ${id}`.execute(
        service.app.db,
      )
  }

  const { manifest } = await archiveOf(service.url, firm, admin)

  expect(manifest.map((row) => [row['name'], row['review_state'], row['in_force']])).toEqual([
    ['tax_clearance/Ends today.pdf', 'verified', 'yes'],
    ['tax_clearance/Is over.pdf', 'verified', ''],
  ])
})

it('the manifest has the review of each document, its days and its id', async () => {
  const { firm, admin, upload } = await makeScene()
  const administrator = await makePerson(service.app, { role: 'admin' })
  const [verified, rejected] = [await upload('verified'), await upload('rejected')]
  const decide = (id: string, body: Parameters<typeof reviewDocument>[3]) =>
    reviewDocument(service.url, { firm, id }, administrator, body)
  await decide(verified.id, { decision: 'verify', valid_until: '2031-03-31' })
  await decide(rejected.id, { decision: 'reject', reason_code: 'unreadable' })

  const { manifest } = await archiveOf(service.url, firm, admin)

  expect(manifest).toMatchObject([
    {
      type: 'tax_clearance',
      document_id: verified.id,
      review_state: 'verified',
      review_reason: '',
      valid_until: '2031-03-31',
      uploaded_at: verified.uploaded_at,
      reviewed_at: expect.stringMatching(/^\d{4}-.*Z$/),
      size: String(verified.file_size),
    },
    { document_id: rejected.id, review_state: 'rejected', review_reason: 'unreadable', valid_until: '' },
  ])
})

it('names are unique ignoring case, and no cell of the manifest is a formula', async () => {
  const { firm, admin, upload } = await makeScene()
  for (const name of ['Tax', 'TAX', '=HYPERLINK(1)', '+1', '-1', '@SUM(1)', 'a,b']) await upload(name)
  const { id } = await upload('of the platform')
  // The platform's rows may have any name.
  await change(id, { file_name: '\t=x/../"y"\n.pdf' })

  const { entries, manifest } = await archiveOf(service.url, firm, admin)

  expect(entries.map(({ name }) => name)).toEqual([
    'tax_clearance/Tax.pdf',
    'tax_clearance/TAX (2).pdf',
    'tax_clearance/=HYPERLINK(1).pdf',
    'tax_clearance/+1.pdf',
    'tax_clearance/-1.pdf',
    'tax_clearance/@SUM(1).pdf',
    'tax_clearance/a,b.pdf',
    'tax_clearance/_=x_..__y__.pdf',
    'manifest.csv',
  ])
  const cells = manifest.flatMap((row) => Object.values(row))
  expect(cells.filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([])
  expect(manifest[2]?.['original_name']).toMatch(/^'=HYPERLINK/)
})

it('files that are missing, corrupt or cut short are left out, named with the reason, and marked', async () => {
  const scene = await makeScene()
  await scene.upload('good')
  const [missing, corrupt, short] = [
    await scene.upload('missing'),
    await scene.upload('corrupt'),
    await scene.upload('short'),
  ]
  await rm(await pathOf(missing))
  const path = await pathOf(corrupt)
  const bytes = await readFile(path)
  bytes[20] = (bytes[20] ?? 0) ^ 1
  await writeFile(path, bytes)
  await truncate(await pathOf(short), 30)

  const expected = {
    names: ['good.pdf'],
    leftOut: ['missing.pdf: missing', 'corrupt.pdf: corrupt', 'short.pdf: corrupt'],
  }
  expect(await namesAndLeftOut(scene)).toEqual(expected)

  const states = await service.app.db
    .selectFrom('document_versions')
    .select('bytes_state')
    .where('firm_id', '=', scene.firm)
    .orderBy('uploaded_at')
    .execute()
  expect(states.map(({ bytes_state: state }) => state)).toEqual(['present', 'missing', 'wrong', 'wrong'])
  expect(await namesAndLeftOut(scene)).toEqual(expected)
})

it('infected files are left out, and with a scanner those without a verdict', async () => {
  const scene = await makeScene()
  await scene.upload('infected')
  await sql`update document_versions set scan_status = 'pending', scan_due_at = now() where firm_id = ${scene.firm}`.execute(
    service.app.db,
  )
  await findOnDisk(service)
  await scene.upload('unscanned')
  const scanning = await serveAt({ ...service.app, scanner: findingScanner })

  expect(await namesAndLeftOut(scene)).toEqual({ names: ['unscanned.pdf'], leftOut: ['infected.pdf: infected'] })
  expect(await namesAndLeftOut(scene, scanning.url)).toEqual({
    names: [],
    leftOut: ['infected.pdf: infected', 'unscanned.pdf: not_scanned'],
  })
  await scanning.stop()
})

it('files on the disk of another instance are left out and named', async () => {
  const scene = await makeScene()
  const elsewhere = await scene.upload('elsewhere')
  await scene.upload('here')
  await change(elsewhere.id, { store_id: randomUUID() as StoreId }) // of no disk

  expect(await namesAndLeftOut(scene)).toEqual({ names: ['here.pdf'], leftOut: ['elsewhere.pdf: on_another_instance'] })
})

it('a platform row without a hash is in the archive, with the hash of its bytes', async () => {
  const { firm, admin, upload } = await makeScene()
  const { id, sha256 } = await upload('platform')
  await change(id, { sha256: null })

  const { manifest } = await archiveOf(service.url, firm, admin)

  expect(manifest.map((row) => row['sha256'])).toEqual([sha256])
})

it('one event records the archive with its counts, also of a member, and a denied call leaves one', async () => {
  const { firm, admin, upload } = await makeScene()
  const [first, second] = [await upload('first'), await upload('second')]
  await addVersion(service.url, { firm, id: first.id }, admin, { bytes: makePdf({ seed: 'more', bytes: 5000 }) })
  const administrator = await makePerson(service.app, { role: 'admin' })
  const stranger = await makePerson(service.app)

  await archiveOf(service.url, firm, admin)
  await archiveOf(service.url, firm, administrator, '?include=versions')
  expect((await callArchive(service.url, firm, stranger)).status).toBe(403)

  const events = await service.app.db
    .selectFrom('document_events')
    .select(['actor_id', 'outcome', 'details', 'document_id'])
    .where('firm_id', '=', firm)
    .where('action', '=', 'documents.exported')
    .orderBy('occurred_at')
    .execute()
  const bytes = first.file_size + second.file_size
  expect(events).toEqual([
    {
      actor_id: admin.id,
      outcome: 'ok',
      document_id: null,
      details: { versions: false, documents: 2, files: 2, bytes: 5000 + second.file_size },
    },
    {
      actor_id: administrator.id,
      outcome: 'ok',
      document_id: null,
      details: { versions: true, documents: 2, files: 3, bytes: 5000 + bytes },
    },
    { actor_id: stranger.id, outcome: 'not_a_member', document_id: null, details: {} },
  ])
})
