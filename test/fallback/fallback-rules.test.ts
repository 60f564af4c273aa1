import { rename } from 'node:fs/promises'

import { sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'

import { openStoreInBetween, refusal } from '../support/cli/s3-proxy.ts'
import { callDocuments, problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import {
  countWithoutS3,
  faults,
  impatient,
  logged,
  failingS3,
  blobsLeftOf,
  versionsOf,
} from '../support/fallback/failing-s3.ts'

const s3 = failingS3()

const small = makePdf({ bytes: 300_000 })
const large = makePdf({ bytes: 20_000_000 })

describe('S3_FALLBACK=off', () => {
  test.each(faults)('nothing is stored, and the answer is 503, when S3 %s', async (_what, fault) => {
    const off = await startService({ ...s3.settings, S3_FALLBACK: 'off' }, impatient)
    onTestFinished(() => off.stop())
    const { firm, admin } = await firmWithAdmin(off)
    await s3.spoil(fault)

    // The first upload calls S3. From the second on, at the latest, it is not called.
    for (let round = 0; round < 2; round += 1) {
      const answer = await uploadFile(off.url, firm, admin, { bytes: small })
      expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(await versionsOf(off, firm)).toEqual([])
    expect((await listFolder(`${off.folder}/uploads`)).filter(({ kind }) => kind !== 'folder')).toMatchObject([
      { path: expect.stringContaining('.store-id') },
    ])
    expect(await countWithoutS3(off, 'no_answer', 'nowhere')).toBeGreaterThan(0)
  })
})

test('both stores fail: 503, and nothing is stored', async () => {
  const poor = await startService(s3.settings, impatient)
  onTestFinished(() => poor.stop())
  const { firm, admin } = await firmWithAdmin(poor)
  await s3.spoil({ kind: 'refuse' })
  await rename(`${poor.folder}/uploads`, `${poor.folder}/elsewhere`)

  const answer = await uploadFile(poor.url, firm, admin, { bytes: small })

  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  expect(await versionsOf(poor, firm)).toEqual([])
})

test('a request that S3 would never accept does not fall back: it is our defect, and is logged as an error', async () => {
  const endpoint = await openStoreInBetween({
    behind: s3.bucket.s3.endpoint,
    answer: (call) => (call === 'PUT object' ? refusal(400, 'MetadataTooLarge') : undefined),
  })
  const wrong = await startService(s3Settings(s3.bucket, endpoint), impatient)
  onTestFinished(() => wrong.stop())
  const { firm, admin } = await firmWithAdmin(wrong)

  for (let round = 0; round < 4; round += 1) {
    const answer = await uploadFile(wrong.url, firm, admin, { bytes: small })
    expect([answer.status, (await problemOf(answer)).code]).toEqual([500, 'internal'])
  }

  expect(await versionsOf(wrong, firm)).toEqual([])
  expect(await blobsLeftOf(wrong, firm)).toEqual([])
  expect(wrong.app.stores.s3?.outage()).toBeUndefined()
  expect(logged(wrong, 'request_failed').at(-1)).toMatchObject({ level: 'error' })
})

describe('a client’s mistake causes no fallback', () => {
  test('a rejected file', async () => {
    const { firm, admin } = await firmWithAdmin(s3.service)
    await s3.spoil({ kind: 'refuse' })
    const answer = await uploadFile(s3.service.url, firm, admin, { bytes: large, query: { sha256: sha256Of(small) } })

    expect(answer.status).toBe(422)
    expect(await versionsOf(s3.service, firm)).toEqual([])
    expect((await listBucket(s3.bucket.client, s3.bucket.name)).filter(({ key }) => key.includes(firm))).toEqual([])
  })
})

describe('an Idempotency-Key is valid across the fallback', () => {
  test('repeated when S3 is back, it returns the document on the disk', async () => {
    const { firm, admin } = await firmWithAdmin(s3.service)
    const key = crypto.randomUUID()
    await s3.spoil({ kind: 'refuse' })
    const first = await uploadDocument(s3.service.url, firm, admin, withKey(key, small))
    await s3.mend()
    const second = await uploadDocument(s3.service.url, firm, admin, withKey(key, small))

    expect(second).toMatchObject({ id: first.id, storage: 'local' })
    expect(await versionsOf(s3.service, firm)).toHaveLength(1)
  })

  test('repeated while S3 is down, it returns the document on S3; another file is rejected', async () => {
    const { firm, admin } = await firmWithAdmin(s3.service)
    const key = crypto.randomUUID()
    const first = await uploadDocument(s3.service.url, firm, admin, withKey(key, large))
    await s3.spoil({ kind: 'refuse' })
    const second = await uploadDocument(s3.service.url, firm, admin, withKey(key, large))
    const other = await uploadFile(s3.service.url, firm, admin, withKey(key, small))

    expect(second).toMatchObject({ id: first.id, storage: 's3' })
    expect(other.status).toBe(409)
    expect(await versionsOf(s3.service, firm)).toHaveLength(1)
  })

  test('repeated ten times at once while S3 fails, it returns one document with one file', async () => {
    const { firm, admin } = await firmWithAdmin(s3.service)
    const key = crypto.randomUUID()
    await s3.spoil({ kind: 'cut_down', afterBytes: 10 })
    const documents = await Promise.all(
      Array.from({ length: 10 }, () => uploadDocument(s3.service.url, firm, admin, withKey(key, small))),
    )

    expect(new Set(documents.map(({ id }) => id)).size).toBe(1)
    const files = await listFolder(`${s3.service.folder}/uploads`)
    expect(files.filter(({ kind, path }) => kind !== 'folder' && path.includes(firm))).toHaveLength(1)
  })
})

function withKey(key: string, bytes: Buffer) {
  return { bytes, headers: { 'idempotency-key': key } }
}

test('a file without a declared length falls back to the disk if it fits, whatever its maximum', async () => {
  const { service } = s3
  const { firm, admin } = await firmWithAdmin(service)
  const { db } = service.app
  await sql`insert into document_quotas (firm_id, max_bytes) values (${firm}, 20000000)`.execute(db)
  await sql`update document_types set max_bytes = 15000000 where code = 'vat_certificate'`.execute(db)
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(small)], { type: 'application/pdf' }), 'a.pdf')
  const { body, headers } = new Response(form)
  await s3.spoil({ kind: 'refuse' })

  const answer = await callDocuments(service.url, firm, admin, '?document_type=vat_certificate', {
    method: 'POST',
    headers: { 'content-type': headers.get('content-type') ?? '' },
    body,
    duplex: 'half',
  })

  expect(answer.status).toBe(201)
  expect(await answer.json()).toMatchObject({ storage: 'local', file_size: small.length })
})
