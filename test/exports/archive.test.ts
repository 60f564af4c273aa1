import { beforeAll, expect, it } from 'vitest'

import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makeJpeg, makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { call, later, logIn, makePersonWithPassword, serveAt } from '../people/call-people.ts'
import { addMember, makeMember, type Person } from '../support/people/people.ts'
import { archiveOf, callArchive, ensureReaders, readArchiveBytes } from './read-archive.ts'

const scene = serviceOnBothStores()
beforeAll(ensureReaders)

it.each(['onDisk', 'onS3'] as const)(
  '%s: the archive has every document, and a manifest that matches',
  async (where) => {
    const service = scene[where]
    const { firm, admin } = await firmWithAdmin(service)
    const [licence, photo] = [makePdf({ seed: 'licence' }), makeJpeg({ seed: 'photo' })]
    await uploadDocument(service.url, firm, admin, { type: 'tax_clearance', fileName: 'Tax 2026.pdf', bytes: licence })
    await uploadDocument(service.url, firm, admin, { type: 'identity_document', fileName: 'ID.JPEG', bytes: photo })

    const answer = await callArchive(service.url, firm, admin)
    await answer.body?.cancel()
    const { entries, manifest } = await archiveOf(service.url, firm, admin)

    expect([answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      'application/zip',
      expect.stringMatching(/^attachment; filename="Umkhonto Guarding documents \d{4}-\d\d-\d\d\.zip"$/),
    ])
    expect(entries.slice(0, -1)).toEqual([
      { name: 'identity_document/ID.jpg', size: photo.length, sha256: sha256Of(photo), compressed: false },
      { name: 'tax_clearance/Tax 2026.pdf', size: licence.length, sha256: sha256Of(licence), compressed: false },
    ])
    expect(entries.at(-1)?.name).toBe('manifest.csv')
    expect(manifest).toMatchObject([
      { type: 'identity_document', name: 'identity_document/ID.jpg', version: '1', sha256: sha256Of(photo) },
      { type: 'tax_clearance', name: 'tax_clearance/Tax 2026.pdf', review_state: 'pending', left_out: '' },
    ])
  },
)

/** Asks for a link as a page does, and returns its address at the service. */
async function linkTo(
  url: string,
  firm: string,
  person: Person,
  query = '',
): Promise<{ status: number; link: string }> {
  const answer = await call(url, `GET /security-firms/${firm}/documents.zip${query}`, {
    headers: { ...person.headers, accept: 'application/json' },
  })
  const { url: path } = answer.body as { url?: string }
  return { status: answer.status, link: `${url}${path}` }
}

it('a link gives the same archive without a token, for a minute and to nobody who lost the right', async () => {
  const service = scene.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  await uploadDocument(service.url, firm, admin, { type: 'tax_clearance', fileName: 'Tax 2026.pdf' })
  const serving = await serveAt(service.app)
  const { clock } = serving
  const begunAt = clock.now
  const { link } = await linkTo(serving.url, firm, admin)

  const answer = await fetch(link)
  const { entries } = await readArchiveBytes(Buffer.from(await answer.arrayBuffer()))
  clock.now = later(begunAt, 61)
  const late = await fetch(link)
  clock.now = begunAt
  const altered = await fetch(`${link.slice(0, -2)}AA`)
  await service.app.db.deleteFrom('firm_users').where('user_id', '=', admin.id).execute()
  const lost = await fetch(link)
  await serving.stop()

  expect(answer.headers.get('content-type')).toBe('application/zip')
  expect(entries.map(({ name }) => name)).toEqual(['tax_clearance/Tax 2026.pdf', 'manifest.csv'])
  expect([late.status, altered.status, lost.status]).toEqual([403, 403, 403])
})

it('a link with versions has them, and a member without the right gets no link', async () => {
  const service = scene.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin, {
    type: 'tax_clearance',
    bytes: makePdf({ seed: 'a' }),
  })
  await addVersion(service.url, { firm, id: document.id }, admin, { bytes: makePdf({ seed: 'b' }) })
  const supervisor = await makeMember(service.app, firm, 'firm_supervisor')
  const { link } = await linkTo(service.url, firm, admin, '?include=versions')

  const { manifest } = await readArchiveBytes(Buffer.from(await (await fetch(link)).arrayBuffer()))

  expect(manifest.map(({ version }) => version)).toEqual(expect.arrayContaining(['1', '2']))
  expect((await linkTo(service.url, firm, supervisor)).status).toBe(403)
})

it('a link ends with the session in which it was made', async () => {
  const service = scene.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  const person = await makePersonWithPassword(service.app)
  await addMember(service.app, firm, person)
  const tokens = await logIn(service.url, person)
  const { link } = await linkTo(service.url, firm, {
    ...admin,
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  await call(service.url, 'POST /auth/logout', { body: { refresh_token: tokens.refresh_token } })

  const answer = await fetch(link)

  expect([answer.status, (await problemOf(answer)).code]).toEqual([403, 'forbidden'])
})
