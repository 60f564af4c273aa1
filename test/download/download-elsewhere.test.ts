import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { DocumentId, FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { type FreshDatabase, freshMigratedDatabase } from '../support/database/fresh-database.ts'
import type { Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

/** Three instances on one database with one secret: two with separate disks, and one that alone has a bucket. */
let database: FreshDatabase
let bucket: FreshBucket
let lockHolder: TestService
let other: TestService
let onS3: TestService
beforeAll(async () => {
  database = await freshMigratedDatabase()
  bucket = await freshBucket()
  lockHolder = await startService({ DATABASE_URL: database.url })
  other = await startService({ DATABASE_URL: database.url })
  onS3 = await startService({ DATABASE_URL: database.url, ...s3Settings(bucket) })
})
afterAll(async () => {
  for (const service of [lockHolder, other, onS3]) await service.stop()
  await bucket.remove()
  await database.drop()
})

type Uploaded = { firm: FirmId; admin: Person; document: DocumentShape }

async function uploadedAt(service: TestService): Promise<Uploaded> {
  const { firm, admin } = await firmWithAdmin(service)
  return { firm, admin, document: await uploadDocument(service.url, firm, admin) }
}

async function downloadAt(
  service: TestService,
  { firm, admin, document }: Uploaded,
  headers: Record<string, string> = {},
) {
  return callDocuments(service.url, firm, admin, `/${document.id}/download`, { headers })
}

async function downloadsOf({ document }: Uploaded): Promise<string[]> {
  const rows = await lockHolder.app.db
    .selectFrom('document_events')
    .select('outcome')
    .where('document_id', '=', document.id as DocumentId) // the service's own
    .where('action', '=', 'document.downloaded')
    .orderBy('occurred_at')
    .execute()
  return rows.map(({ outcome }) => outcome)
}

async function stateOf({ document }: Uploaded): Promise<string | undefined> {
  const id = document.id as DocumentId // the service's own
  const query = lockHolder.app.db.selectFrom('document_versions').select('bytes_state').where('document_id', '=', id)
  return (await query.executeTakeFirst())?.bytes_state
}

async function expectNotHere(answer: Response): Promise<void> {
  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
}

it('an instance without the file on its disk returns 503, and the trail records that it was not served', async () => {
  const document = await uploadedAt(lockHolder)

  await expectNotHere(await downloadAt(other, document))
  const here = await downloadAt(lockHolder, document)
  await here.arrayBuffer()

  expect(here.status).toBe(200)
  expect(await downloadsOf(document)).toEqual(['store_unavailable', 'ok'])
  expect(await stateOf(document)).toBe('present')
})

it('an instance without S3 returns 503 for a file on S3', async () => {
  const document = await uploadedAt(onS3)

  await expectNotHere(await downloadAt(lockHolder, document))
  await expectNotHere(await downloadAt(lockHolder, document, { accept: 'application/json' }))

  expect(await downloadsOf(document)).toEqual(['store_unavailable', 'store_unavailable'])
})

it('a local link opened at an instance with another disk returns 503 and marks nothing', async () => {
  const document = await uploadedAt(lockHolder)
  const { url } = (await (await downloadAt(lockHolder, document, { accept: 'application/json' })).json()) as {
    url: string
  }

  await expectNotHere(await fetch(`${other.url}${url}`))
  const here = await fetch(`${lockHolder.url}${url}`)
  await here.arrayBuffer()

  expect(here.status).toBe(200)
  expect(await stateOf(document)).toBe('present')
})
