import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { drain } from '../../src/documents/moving/drain-fallback.ts'
import { migrate } from '../../src/documents/moving/migrate-files.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { type FailingS3, faults, openFailingS3 } from '../support/fallback/failing-s3.ts'

let s3: FailingS3
let firmId: FirmId
let member: Person

beforeAll(async () => {
  s3 = await openFailingS3()
})
afterAll(async () => s3.close())
beforeEach(async () => {
  firmId = await makeFirm(s3.service.app)
  member = await makeMember(s3.service.app, firmId)
})
afterEach(async () => s3.mend())

const actor = systemActor('a test')
const never = new AbortController().signal
// A read sends almost nothing that could be cut off.
const readFaults = faults.filter(([, { kind }]) => kind !== 'cut_up')
const sizes: [size: string, bytes: number][] = [
  ['a small file', 150_000],
  ['a large file', 20_000_000],
]

describe.each(sizes)('%s', (_size, bytes) => {
  test.each(faults)(
    'on the fallback disk while S3 %s: it stays, is served, and moves when S3 is back',
    async (_what, fault) => {
      const document = await waitingOnDisk(bytes)
      await s3.mend()
      await s3.spoil(fault)

      const first = await drain(s3.service.app, actor, { concurrency: 1, signal: never })

      expect(first).toMatchObject({ moved: 0, left: 1 })
      expect(await placeOf(document.document)).toMatchObject({
        store: 'local',
        is_fallback: true,
        bytes_state: 'present',
      })
      expect(await downloadedHash(document.document)).toBe(document.sha256)

      await s3.mend()
      expect(await drain(s3.service.app, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 1, left: 0 })
      expect(await placeOf(document.document)).toMatchObject({
        store: 's3',
        is_fallback: false,
        bytes_state: 'present',
      })
      expect(await downloadedHash(document.document)).toBe(document.sha256)
      await expectNothingBeside()
    },
  )

  test.each(readFaults)('to move from S3 while that %s: it stays there, and moves later', async (_what, fault) => {
    const file = makePdf({ bytes })
    const document = await uploadDocument(s3.service.url, firmId, member, { bytes: file })
    expect(document.storage).toBe('s3')
    await s3.spoil(fault)

    const giveUp = new AbortController()
    const stopped = await comeBack({ signal: giveUp.signal, onWaiting: () => giveUp.abort() })

    expect(stopped).toMatchObject({ outcomes: { moved: 0, missing: 0, wrong: 0 } })
    expect(await placeOf(document)).toMatchObject({ store: 's3', bytes_state: 'present' })
    await s3.mend()
    expect(await comeBack({ signal: never, onWaiting: () => undefined })).toMatchObject({
      isComplete: true,
      outcomes: { moved: 1 },
    })
    expect(await placeOf(document)).toMatchObject({ store: 'local', bytes_state: 'present' })
    expect(await downloadedHash(document)).toBe(sha256Of(file))
    await expectNothingBeside()
  })
})

test('a removal that fails during an outage of S3 is repeated after it', async () => {
  const file = makePdf({ bytes: 30_000 })
  const document = await uploadDocument(s3.service.url, firmId, member, { bytes: file })
  await comeBack({ signal: never, onWaiting: () => undefined })
  await sql`update document_blobs set due_at = now() - interval '1 hour' where state = 'leaving'`.execute(
    s3.service.app.db,
  )
  await s3.spoil({ kind: 'refuse' })

  expect(await collectBlobs(s3.service.app, never)).toMatchObject({ removals: 0 })

  await s3.mend()
  const later = { ...s3.service.app, now: () => new Date(Date.now() + 2 * 60 * 60 * 1000) }
  expect((await collectBlobs(later, never)).removals).toBeGreaterThan(0)
  expect(await downloadedHash(document)).toBe(sha256Of(file))
  await expectNothingBeside()
})

/** A fallback document, because S3 did not accept it. */
async function waitingOnDisk(bytes: number): Promise<{ document: DocumentShape; sha256: string }> {
  await s3.spoil({ kind: 'refuse' })
  const file = makePdf({ bytes })
  const document = await uploadDocument(s3.service.url, firmId, member, { bytes: file })
  expect(document.storage).toBe('local')
  return { document, sha256: sha256Of(file) }
}

function comeBack(way: { signal: AbortSignal; onWaiting: () => void }) {
  return migrate(s3.service.app, actor, {
    to: 'local',
    firmId,
    concurrency: 1,
    bytesPerSecond: undefined,
    deletesSource: true,
    patienceMs: 60_000,
    onResult: () => undefined,
    ...way,
  })
}

async function placeOf({ id }: DocumentShape) {
  return s3.service.app.db
    .selectFrom('document_versions')
    .select(['store', 'is_fallback', 'bytes_state'])
    .where(sql<boolean>`document_id = ${id}::uuid`)
    .executeTakeFirstOrThrow()
}

async function downloadedHash({ id }: DocumentShape): Promise<string> {
  const answer = await callDocuments(s3.service.url, firmId, member, `/${id}/download`, { redirect: 'follow' })
  expect(answer.status).toBe(200)
  return sha256Of(Buffer.from(await answer.arrayBuffer()))
}

/** Days later the stores contain only the bytes of versions. */
async function expectNothingBeside(): Promise<void> {
  const { app } = s3.service
  await sql`update document_blobs set created_at = now() - interval '3 days', claimed_until = now() - interval '3 days'
    where state = 'incoming'`.execute(app.db)
  for (const days of [2, 4]) {
    const later = { ...app, now: () => new Date(Date.now() + days * 24 * 60 * 60 * 1000) }
    await collectBlobs(later, never)
  }
  const versions = await app.db.selectFrom('document_versions').select(['store', 'storage_key']).execute()
  const keysOf = (store: string) => versions.filter((each) => each.store === store).map((each) => each.storage_key)
  // A multipart upload whose id was in a lost answer can only be ended by the bucket's own rule.
  const inBucket = (await listBucket(s3.bucket.client, s3.bucket.name)).filter(
    ({ kind, key }) => key.startsWith('security') && kind !== 'unfinished_upload',
  )
  const onDisk = await Array.fromAsync(app.stores.local.list(''))
  expect(inBucket.map(({ key }) => key).toSorted()).toEqual(keysOf('s3').toSorted())
  expect(onDisk.map(({ key }) => key).toSorted()).toEqual(keysOf('local').toSorted())
  const unsettled = app.db.selectFrom('document_blobs').select('id').where('state', 'in', ['incoming', 'leaving'])
  expect(await unsettled.execute()).toEqual([])
}
