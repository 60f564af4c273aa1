import { sql } from 'kysely'
import { beforeEach, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makeInfectedPdf } from '../support/files/infected-files.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { insertPersonnel } from '../support/platform/platform-people.ts'
import { insertFirmWithAdmin, signer } from '../support/platform/insert-firm-with-admin.ts'
import {
  deleteDocumentRow,
  insertDocumentRow,
  insertPlatformDocument,
  updateDocumentRow,
} from '../support/platform/platform-documents.ts'
import { openGround, startBeside } from '../support/platform/platform-scene.ts'
import { clamdInHand } from '../support/run/controlled-clamd.ts'
import { sweep } from '../support/scanning/sweep.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { markPresent } from '../../src/database/documents/missing-and-corrupt.ts'
import { listVersionsIn } from '../../src/database/documents/versions-in-store.ts'
import { claimNext, claimOne, makeReviewer, queueOf } from './review-scene.ts'

const scene = sceneOfFile(async (closing) => {
  const ground = await openGround()
  closing.defer(() => ground.remove())
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const { service, files } = await startBeside(ground)
  closing.defer(() => service.stop())
  const scanning = await startBeside(ground, { CLAMD_URL: clamd.url })
  closing.defer(() => scanning.service.stop())
  return {
    platform: ground.platform,
    service,
    files,
    scanning: scanning.service,
    ...(await insertFirmWithAdmin(ground)),
  }
})

let reviewer: Person
beforeEach(async () => {
  await sql`delete from documents`.execute(scene.service.app.db)
  reviewer = await makeReviewer(scene.service.app)
})

const waiting = async (url = scene.service.url) => {
  return (await queueOf(url, reviewer)).map(({ document }) => document.id)
}

it('a document that the platform inserts, verifies, changes back or deletes is in the queue as its row says', async () => {
  const { platform, firm } = scene
  const id = await insertDocumentRow(platform, firm, {})
  expect(await waiting()).toEqual([id])
  await updateDocumentRow(platform, { id }, { is_verified: true })
  expect(await waiting()).toEqual([])
  await updateDocumentRow(platform, { id }, { is_verified: false })
  expect(await waiting()).toEqual([id])
  await updateDocumentRow(platform, { id }, { document_type: 'annual_return' })
  expect(await queueOf(scene.service.url, reviewer, '?document_type=annual_return')).toHaveLength(1)
  await deleteDocumentRow(platform, { id })
  expect(await waiting()).toEqual([])
  expect(await waiting()).not.toContain(await insertDocumentRow(platform, firm, { is_verified: true }))
})

it('a document that the platform gives to another firm waits there', async () => {
  const { platform, firm, service } = scene
  const id = await insertDocumentRow(platform, firm, {})
  const other = await makeFirm(service.app)
  await updateDocumentRow(platform, { id }, { firm_id: other })
  expect(await queueOf(service.url, reviewer)).toMatchObject([{ document: { id, firm_id: other } }])
})

it('with a scanner a document waits once it is clean, and never when it is infected', async () => {
  const { platform, files, firm, scanning } = scene
  const clean = await insertPlatformDocument(platform, files, firm, { bytes: makePdf({ seed: 'clean' }) })
  const infected = await insertPlatformDocument(platform, files, firm, { bytes: makeInfectedPdf() })
  const claim = async () => (await claimNext(scanning.url, reviewer)).status

  expect(await waiting(scanning.url)).toEqual([])
  expect(await claim()).toBe(204)
  expect(await claimOne(scanning.url, reviewer, clean.id)).toMatchObject({
    status: 409,
    body: { code: 'scan_pending' },
  })
  expect((await waiting()).toSorted()).toEqual([clean.id, infected.id].toSorted())

  expect(await sweep(scanning)).toEqual({ clean: 1, infected: 1 })
  expect(await waiting(scanning.url)).toEqual([clean.id])
  expect(await waiting()).toEqual([clean.id])
  expect(await claim()).toBe(200)
})

it('a document leaves the queue while its file is missing', async () => {
  const { service } = scene
  const { db } = service.app
  const firm: FirmId = await makeFirm(service.app)
  const { id } = await uploadDocument(service.url, firm, await makeMember(service.app, firm))
  await sql`update document_versions set bytes_state = 'missing' where document_id = ${id}`.execute(db)
  expect(await waiting()).toEqual([])
  const [version] = await listVersionsIn(db, { store: 's3', storeId: null }, { after: undefined, limit: 10 })
  if (version?.sha256 == null) throw new Error('no version')
  expect(await markPresent(db, systemActor('a test'), version, version.sha256)).toBe(true)
  expect(await waiting()).toEqual([id])
})

it('a row too many gives nobody the document', async () => {
  const { service } = scene
  const firm = await makeFirm(service.app)
  const { id } = await uploadDocument(service.url, firm, await makeMember(service.app, firm))
  await service.app.db.transaction().execute(async (trx) => {
    await sql`create temporary table extra on commit drop as select * from document_review_queue`.execute(trx)
    await sql`update document_versions set bytes_state = 'missing' where document_id = ${id}`.execute(trx)
    await sql`insert into document_review_queue select * from extra`.execute(trx)
  })

  expect(await waiting()).toEqual([])
  expect((await claimNext(service.url, reviewer)).status).toBe(204)
  expect(await claimOne(service.url, reviewer, id)).toMatchObject({ status: 410 })
})

it('an administrator of the personnel claims under their name', async () => {
  const { service, platform, firm } = scene
  const administrator = await insertPersonnel(platform, signer)
  await insertDocumentRow(platform, firm, {})
  expect((await claimNext(service.url, administrator)).body.claimed_by).toEqual({
    id: administrator.id,
    name: 'Sipho Dlamini',
  })
})
