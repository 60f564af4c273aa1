import { describe, expect, onTestFinished, test } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { openStoreInBetween, refusal } from '../support/cli/s3-proxy.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import type { Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import {
  countWithoutS3,
  faults,
  impatient,
  logged,
  maxBytes,
  failingS3,
  blobsLeftOf,
  versionsOf,
} from '../support/fallback/failing-s3.ts'

const s3 = failingS3()

async function download(of: TestService, firm: FirmId, person: Person, { id }: DocumentShape): Promise<Buffer> {
  const answer = await callDocuments(of.url, firm, person, `/${id}/download`, { redirect: 'follow' })
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

/** Uploads a document and reads everything that resulted. */
async function upload(of: TestService, bytes: Buffer) {
  const { firm, admin } = await firmWithAdmin(of)
  const loggedBefore = logged(of, 's3_upload_failed').length
  const document = await uploadDocument(of.url, firm, admin, { bytes })
  const versions = await versionsOf(of, firm)
  const left = await blobsLeftOf(of, firm)
  return {
    storage: document.storage,
    hashes: new Set([document.sha256, sha256Of(await download(of, firm, admin, document))]),
    versions: versions.map(({ store, store_id, is_fallback }) => ({ store, store_id, is_fallback })),
    logged: logged(of, 's3_upload_failed')
      .slice(loggedBefore)
      .map(({ level, reason, goes_to }) => ({ level, reason, goes_to })),
    // The possible bytes on S3 stay named for the collector, under another key than the stored file.
    left: new Set(left.map(({ store }) => store)),
    isKeyUsedTwice: left.some(({ storage_key }) => versions.some((version) => version.storage_key === storage_key)),
  }
}

/** A fallback document: on the disk, with its own bytes, with one event. */
function asFallback(of: TestService, bytes: Buffer, reason: string): Awaited<ReturnType<typeof upload>> {
  return {
    storage: 'local',
    hashes: new Set([sha256Of(bytes)]),
    versions: [{ store: 'local', store_id: of.app.stores.local.storeId, is_fallback: true }],
    logged: [{ level: 'error', reason, goes_to: 'local' }],
    left: new Set(['s3']),
    isKeyUsedTwice: false,
  }
}

const small = makePdf({ bytes: 300_000 })
const large = makePdf({ bytes: 20_000_000 })
const sizes = [
  ['a small file', small],
  ['a large file', large],
] as const

describe.each(sizes)('while S3 is down, %s is accepted', (_size, bytes) => {
  test.each(faults)('when S3 %s', async (_what, fault) => {
    await s3.spoil(fault)
    const before = await countWithoutS3(s3.service, 'no_answer', 'local')
    expect(await upload(s3.service, bytes)).toEqual(asFallback(s3.service, bytes, 'no_answer'))
    expect(await countWithoutS3(s3.service, 'no_answer', 'local')).toBe(before + 1)
  })

  const refusals: [status: number, code: string, reason: string][] = [
    [500, 'InternalError', 'broken'],
    [503, 'SlowDown', 'too_busy'],
    [403, 'AccessDenied', 'not_allowed'],
    [403, 'InvalidAccessKeyId', 'refused_credentials'],
    [403, 'RequestTimeTooSkewed', 'clock_off'],
    [404, 'NoSuchBucket', 'no_bucket'],
    [301, 'PermanentRedirect', 'wrong_place'],
  ]

  test.each(refusals)('when S3 answers %i %s', async (status, code, reason) => {
    const endpoint = await openStoreInBetween({ answer: () => refusal(status, code) })
    const refused = await startService({ ...s3Settings(s3.bucket, endpoint), ...maxBytes }, impatient)
    onTestFinished(() => refused.stop())
    expect(await upload(refused, bytes)).toEqual(asFallback(refused, bytes, reason))
  })
})

test.each([
  ['a secret that is not the key’s', { AWS_SECRET_ACCESS_KEY: 'of-somebody-else' }, 'refused_credentials'],
  ['a bucket that is not there', { AWS_S3_BUCKET: 'nobody-made-this-one' }, 'no_bucket'],
])('%s, at a real store', async (_what, settings, reason) => {
  const wrong = await startService({ ...s3Settings(s3.bucket), ...settings }, impatient)
  onTestFinished(() => wrong.stop())
  expect(await upload(wrong, small)).toEqual(asFallback(wrong, small, reason))
})

test('while S3 is down no upload calls it; the next upload after its return goes there', async () => {
  const { firm, admin } = await firmWithAdmin(s3.service)
  const kept = await startService(s3.settings, {
    ...impatient,
    breakerTimes: { ...impatient.breakerTimes, minPauseMs: 20_000, maxPauseMs: 20_000 },
  })
  onTestFinished(() => kept.stop())
  const there = await firmWithAdmin(kept)
  await s3.spoil({ kind: 'refuse' })
  await uploadDocument(kept.url, there.firm, there.admin)
  expect(kept.app.stores.s3?.outage()).toMatchObject({ trouble: 'no_answer' })

  const before = s3.proxy.connections()
  const documents = await Promise.all(
    Array.from({ length: 10 }, () => uploadDocument(kept.url, there.firm, there.admin)),
  )
  expect(documents.map(({ storage }) => storage)).toEqual(documents.map(() => 'local'))
  expect(s3.proxy.connections()).toBe(before)

  await uploadDocument(s3.service.url, firm, admin)
  expect(s3.service.app.stores.s3?.outage()).toBeDefined()
  await s3.mend()
  const after = await uploadDocument(s3.service.url, firm, admin)
  expect(after.storage).toBe('s3')
  expect(logged(s3.service, 's3_out').length).toBeGreaterThan(0)
  expect(logged(s3.service, 's3_back').length).toBeGreaterThan(0)
  // Probes have a length too.
  expect(logged(s3.service, 's3_sdk_warning')).toEqual([])
})

test('uploads that wait for a silent S3 stop waiting when the outage is detected', async () => {
  const slow = await startService(s3.settings, {
    timeouts: { connectMs: 500, answerMs: 120_000, idleMs: 120_000, attempts: 3 },
    breakerTimes: { ...impatient.breakerTimes, stalledMs: 200 },
  })
  onTestFinished(() => slow.stop())
  const { firm, admin } = await firmWithAdmin(slow)
  await s3.spoil({ kind: 'swallow_answer' })
  const waiting = Array.from({ length: 3 }, () => uploadDocument(slow.url, firm, admin))
  await expect.poll(async () => (await blobsLeftOf(slow, firm)).length).toBe(3)

  slow.app.stores.s3?.reportOutage('no_answer', 'TimeoutError')

  for (const document of await Promise.all(waiting)) expect(document.storage).toBe('local')
})

test('a probe detects a silent S3 long before the timeout of a file', async () => {
  const slow = await startService(s3.settings, {
    timeouts: { connectMs: 500, answerMs: 2000, idleMs: 600_000, attempts: 1000 },
    breakerTimes: { ...impatient.breakerTimes, stalledMs: 200 },
  })
  onTestFinished(() => slow.stop())
  const { firm, admin } = await firmWithAdmin(slow)
  await s3.spoil({ kind: 'hang' })
  await expect(uploadDocument(slow.url, firm, admin)).resolves.toMatchObject({ storage: 'local' })
})
