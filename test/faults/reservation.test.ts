import { randomUUID } from 'node:crypto'

import { type KyselyPlugin, sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { collectBlobs } from '../../src/documents/collect-blobs.ts'
import { storeUpload } from '../../src/documents/store-upload.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import { StoreError } from '../../src/storage/file-store.ts'
import type { DocumentId, FirmId, Sha256 } from '../../src/vocabulary.ts'
import { makePdf } from '../support/make-files.ts'
import { makeFirm } from '../support/people.ts'
import { startService } from '../support/start-service.ts'

/** The first statement takes effect, and its answer does not arrive. */
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

const removeNothing = () => Promise.reject(new StoreError('unavailable', 'This disk removes nothing.'))
const inTwoHours = () => new Date(Date.now() + 2 * 60 * 60 * 1000)

it('an upload whose reservation takes effect without an answer leaves nothing reserved', async () => {
  const service = await startService({})
  onTestFinished(() => service.stop())
  const { app } = service
  const firmId = await makeFirm(app)

  const uploading = failingUpload({ ...app, db: app.db.withPlugin(loseFirstAnswer()) }, firmId)

  await expect(uploading).rejects.toThrow('ECONNRESET')
  expect(await blobsOf(app, firmId)).toEqual([{ state: 'leaving', reserved_bytes: '0', is_due: false }])
})

it('an upload that fails, and whose bytes cannot be removed, leaves nothing reserved: the collector removes them', async () => {
  const service = await startService({})
  onTestFinished(() => service.stop())
  const { app } = service
  const firmId = await makeFirm(app)
  const { local } = app.stores

  const uploading = failingUpload(
    { ...app, stores: { ...app.stores, local: { ...local, remove: removeNothing } } },
    firmId,
  )

  await expect(uploading).rejects.toThrow('nothing is committed')
  expect(await blobsOf(app, firmId)).toEqual([{ state: 'leaving', reserved_bytes: '0', is_due: false }])
  await collectBlobs({ ...app, now: inTwoHours }, new AbortController().signal)
  expect(await blobsOf(app, firmId)).toEqual([])
  expect(await Array.fromAsync(local.list(''))).toEqual([])
})

function failingUpload(app: App, firmId: FirmId): Promise<unknown> {
  const documentId = randomUUID() as DocumentId // just made, so it names nothing else
  const bytes = makePdf({ bytes: 3000 })
  const file = {
    contentType: 'application/pdf',
    labels: { originalFileName: 'a.pdf', documentType: 'tax_clearance', firmId, documentId },
    content: { kind: 'memory', bytes, sha256: 'a'.repeat(64) as Sha256 }, // of its form
  } as const
  return storeUpload(
    { ...app, usualQuota: { bytes: undefined, documents: undefined } },
    {
      firmId,
      documentId,
      file,
      growth: { bytes: 3000, documents: 1 },
      scope: undefined,
      makeKey: () => storageKeyOf({ firmId, documentType: 'tax_clearance', uuid: randomUUID(), extension: 'pdf' }),
    },
    () => Promise.reject(new Error('nothing is committed')),
  )
}

async function blobsOf({ db }: App, firmId: FirmId): Promise<unknown[]> {
  const { rows } = await sql`
    select state, reserved_bytes, due_at <= now() as is_due from document_blobs where firm_id = ${firmId}`.execute(db)
  return rows
}
