import { randomUUID } from 'node:crypto'

import { type KyselyPlugin, sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { createUploadStatements, reserve, storeUpload } from '../../src/documents/upload/store-upload.ts'
import { StoreError } from '../../src/storage/file-store.ts'
import type { DocumentId, FirmId, Sha256 } from '../../src/vocabulary/vocabulary.ts'
import { makePdf } from '../support/files/make-files.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import type { Person } from '../support/people/people.ts'
import { startService } from '../support/service/start-service.ts'

/** The first statement commits, and its answer is lost. */
function loseFirstAnswer(): KyselyPlugin {
  let answers = 0
  return {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      answers += 1
      if (answers === 1) throw new Error('read ECONNRESET')
      return result
    },
  }
}

const noQuota = { bytes: undefined, documents: undefined, draftBytes: undefined }
const removeNothing = () => Promise.reject(new StoreError('unavailable', 'This disk removes nothing.'))
const inTwoHours = () => new Date(Date.now() + 2 * 60 * 60 * 1000)

it('an upload whose reservation commits without an answer leaves no reservation', async () => {
  const service = await startService({})
  onTestFinished(() => service.stop())
  const { app } = service
  const { firm, admin } = await firmWithAdmin(service)
  const db = app.db.withPlugin(loseFirstAnswer())
  const uploads = createUploadStatements({ db, processId: app.processId, defaultQuota: noQuota, mailIsOn: false })

  await expect(failingUpload({ ...app, uploads }, firm, admin)).rejects.toThrow('ECONNRESET')
  expect(await blobsOf(app, firm)).toEqual([{ state: 'leaving', reserved_bytes: '0', is_due: false }])
})

it('an upload whose reservation the database rejected leaves no row: nothing can have been written', async () => {
  const service = await startService({})
  onTestFinished(() => service.stop())
  const { app } = service
  const { firm, admin } = await firmWithAdmin(service)
  await sql`alter table document_blobs add constraint no_reservation check (state <> 'incoming')`.execute(app.db)

  await expect(failingUpload(app, firm, admin)).rejects.toThrow('no_reservation')

  expect(await blobsOf(app, firm)).toEqual([])
})

it('a failed upload whose bytes cannot be removed leaves no reservation: the collector removes the bytes', async () => {
  const service = await startService({})
  onTestFinished(() => service.stop())
  const { app } = service
  const { firm, admin } = await firmWithAdmin(service)
  const { local } = app.stores

  const stores = { ...app.stores, local: { ...local, remove: removeNothing } }
  await expect(failingUpload({ ...app, stores }, firm, admin)).rejects.toThrow('nothing is committed')

  expect(await blobsOf(app, firm)).toEqual([{ state: 'leaving', reserved_bytes: '0', is_due: false }])
  await collectBlobs({ ...app, now: inTwoHours }, new AbortController().signal)
  expect(await blobsOf(app, firm)).toEqual([])
  expect(await Array.fromAsync(local.list(''))).toEqual([])
})

async function failingUpload(app: App, firmId: FirmId, { id: userId }: Person): Promise<unknown> {
  const documentId = randomUUID() as DocumentId // a new id, used for nothing else
  const documentType = 'tax_clearance'
  const reserved = await reserve(app, {
    right: 'documents.upload',
    caller: { userId, sessionId: undefined, apiKeyId: undefined },
    firmId,
    documentId,
    documentType,
    checksType: true,
    extension: 'pdf',
    addedUsage: {
      bytes: 3e3,
      documents: 1,
    },
    scope: undefined,
  })
  const file = {
    contentType: 'application/pdf',
    labels: { originalFileName: 'a.pdf', documentType, firmId, documentId },
    content: { kind: 'memory', bytes: makePdf({ bytes: 3000 }), sha256: 'a'.repeat(64) as Sha256 }, // a value of the right form
  } as const
  return storeUpload(app, reserved, file, () => Promise.reject(new Error('nothing is committed')))
}

async function blobsOf({ db }: App, firmId: FirmId): Promise<unknown[]> {
  const { rows } = await sql`
    select state, reserved_bytes, due_at <= now() as is_due from document_blobs where firm_id = ${firmId}`.execute(db)
  return rows
}
