import { randomUUID } from 'node:crypto'

import { type KyselyPlugin, sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'

import { storeUpload } from '../../src/documents/store-upload.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { DocumentId, Sha256 } from '../../src/vocabulary.ts'
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

it('an upload whose reservation takes effect without an answer leaves nothing reserved', async () => {
  const { app, stop } = await startService({})
  onTestFinished(() => stop())
  const firmId = await makeFirm(app)
  const documentId = randomUUID() as DocumentId // just made, so it names nothing else
  const bytes = makePdf({ bytes: 3000 })
  const file = {
    contentType: 'application/pdf',
    labels: { originalFileName: 'a.pdf', documentType: 'tax_clearance', firmId, documentId },
    content: { kind: 'memory', bytes, sha256: 'a'.repeat(64) as Sha256 }, // of its form
  } as const

  const uploading = storeUpload(
    { ...app, db: app.db.withPlugin(loseFirstAnswer()), usualQuota: { bytes: undefined, documents: undefined } },
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

  await expect(uploading).rejects.toThrow('ECONNRESET')
  const { rows } = await sql`select state, reserved_bytes from document_blobs where firm_id = ${firmId}`.execute(app.db)
  expect(rows).toEqual([{ state: 'leaving', reserved_bytes: '0' }])
})
