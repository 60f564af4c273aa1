import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { callDocuments } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makeMember, type Person } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { callUploads } from '../call-uploads.ts'
import {
  eventsOf,
  finish,
  leftOf,
  receivedBytes,
  sceneOfEnds,
  silentUrl,
  stores,
  uploadAndKill,
} from './scene-of-ends.ts'

const scene = sceneOfEnds()
const bytes = makePdf({ bytes: 7_000_000 })

type Change = (service: TestService, firm: FirmId, person: Person) => Promise<unknown>

const remove: Change = ({ app }, firm, { id }) =>
  sql`delete from firm_users where user_id = ${id} and firm_id = ${firm}`.execute(app.db)
const suspend: Change = ({ app }, firm, { id }) =>
  sql`update firm_users set status = 'suspended' where user_id = ${id} and firm_id = ${firm}`.execute(app.db)
const lockFirm: Change = ({ app }, firm) =>
  sql`update security_firms set is_locked = true where id = ${firm}`.execute(app.db)
const lockPerson: Change = ({ app }, _firm, { id }) =>
  sql`update registered_users set is_locked = true where id = ${id}`.execute(app.db)

const losses: [string, Change, string][] = [
  ['is removed from the firm', remove, 'not_a_member'],
  ['is suspended', suspend, 'not_a_member'],
  ['is locked', lockPerson, 'forbidden'],
  ['has a firm that is locked', lockFirm, 'firm_locked'],
]
const eachLoss = stores.flatMap((store) => losses.map(([what, change, code]) => ({ store, what, change, code })))

it.each(eachLoss)(
  'a person who $what after the last byte gets no document: $store',
  async ({ store, change, code }) => {
    scene.silentClamd.setFault({ kind: 'hang' })
    const service = await startService({ ...scene.settings[store], CLAMD_URL: silentUrl(scene.silentClamd) })
    try {
      const { firm, admin } = await firmWithAdmin(service)
      const person = await makeMember(service.app, firm, 'firm_user')
      const uploads = callUploads({ url: service.url, firm, person })
      const address = await uploads.beginAt(bytes.length)
      const answer = uploads.send(address, 0, bytes)
      await expect.poll(() => receivedBytes(service, firm)).toBe(bytes.length)

      await change(service, firm, person)
      scene.silentClamd.setFault({ kind: 'none' })
      await scene.silentClamd.cutAll()

      expect(await answer).toMatchObject({ status: 403, code })
      expect(await (await callDocuments(service.url, firm, admin)).json()).toEqual([])
      expect(await leftOf(scene, service, firm)).toEqual({ states: [], bytes: [] })
      expect(await uploads.view(address)).toMatchObject({ status: 403 })
      expect((await eventsOf(service, firm))[0]).toMatchObject({ outcome: code, actor_id: person.id })
    } finally {
      await service.stop()
    }
  },
)

it.each(stores)('a file whose API key was revoked is removed, and nobody reads it first: %s', async (store) => {
  const { service, firm, uploads, address } = await uploadAndKill(scene, store, bytes)
  await sql`update document_uploads set api_key_id = ${crypto.randomUUID()} where firm_id = ${firm}`.execute(
    service.app.db,
  )
  const unscanned = await startService({ ...scene.settings[store], CLAMD_URL: silentUrl(scene.silentClamd) })
  try {
    const before = scene.silentClamd.connections()
    expect(await finish(unscanned)).toEqual({ finished: 0, rejected: 1, left: 0 })
    expect(scene.silentClamd.connections()).toBe(before)
  } finally {
    await unscanned.stop()
  }

  expect(await leftOf(scene, service, firm)).toEqual({ states: [], bytes: [] })
  expect(await eventsOf(service, firm)).toMatchObject([{ outcome: 'unauthenticated', ip: 'system' }])
  expect(await uploads.view(address)).toMatchObject({ status: 404 })
})

it.each(stores)('so does a person whose upload is finished without them: %s', async (store) => {
  const { service, firm, person, uploads, address } = await uploadAndKill(scene, store, bytes)
  await suspend(service, firm, person)

  expect(await finish(service)).toEqual({ finished: 0, rejected: 1, left: 0 })

  expect(await leftOf(scene, service, firm)).toEqual({ states: [], bytes: [] })
  expect(await eventsOf(service, firm)).toMatchObject([{ outcome: 'not_a_member', actor_id: person.id, ip: 'system' }])
  expect(await uploads.view(address)).toMatchObject({ status: 403 })
  // With the right again, the person begins a new upload.
  await sql`update firm_users set status = 'active' where user_id = ${person.id}`.execute(service.app.db)
  expect(await uploads.view(address)).toMatchObject({ status: 404 })
  expect((await uploads.begin(bytes.length, { piece: bytes })).status).toBe(201)
})
