import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeMember } from '../support/people/people.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { callUploads, offsetOf } from './call-uploads.ts'
import { sendPart } from './send-part.ts'

const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const settings = { MAX_UPLOAD_BYTES: '60000000' }
  const onS3 = await startService({ ...settings, ...s3Settings(bucket) })
  closing.defer(() => onS3.stop())
  const onDisk = await startService(settings)
  closing.defer(() => onDisk.stop())
  return { bucket, onS3, onDisk }
})

const stores = ['onS3', 'onDisk'] as const
const bytes = makePdf({ bytes: 15_000_000 })
/** A part, and a rest. */
const begunBytes = 11_000_000

async function beginOn(service: TestService) {
  const { firm, admin } = await firmWithAdmin(service)
  const uploads = callUploads({ url: service.url, firm, person: admin })
  const address = await uploads.beginAt(bytes.length)
  expect((await uploads.send(address, 0, bytes.subarray(0, begunBytes))).status).toBe(204)
  return { firm, admin, uploads, address }
}

async function blobsOf({ app }: TestService, firm: FirmId): Promise<string[]> {
  const { rows } = await sql<{ state: string }>`
    select state from document_blobs where firm_id = ${firm} order by created_at`.execute(app.db)
  return rows.map(({ state }) => state)
}

async function bytesOf({ folder }: TestService, firm: FirmId): Promise<string[]> {
  const objects = await listBucket(scene.bucket.client, scene.bucket.name)
  const files = (await listFolder(folder)).filter(({ kind }) => kind === 'file')
  return [...objects.map(({ kind, key }) => `${kind} ${key}`), ...files.map(({ path }) => path)].filter((name) =>
    name.includes(firm),
  )
}

async function isClaimed({ app }: TestService, firm: FirmId): Promise<boolean> {
  const { rows } = await sql`
    select from document_blobs where firm_id = ${firm} and version_id is not null and claim_id is not null`.execute(
    app.db,
  )
  return rows.length > 0
}

const collect = ({ app }: TestService, hours: number) =>
  collectBlobs({ ...app, now: () => new Date(Date.now() + hours * 3_600_000) }, new AbortController().signal)

it.each(stores)('a terminated upload leaves nothing: %s', async (store) => {
  const { firm, uploads, address } = await beginOn(scene[store])
  expect((await bytesOf(scene[store], firm)).length).toBeGreaterThan(0)

  expect((await uploads.terminate(address)).status).toBe(204)

  expect((await uploads.view(address)).status).toBe(404)
  expect((await uploads.send(address, begunBytes, bytes.subarray(begunBytes))).status).toBe(404)
  expect((await uploads.terminate(address)).status).toBe(404)
  expect(await blobsOf(scene[store], firm)).toEqual([])
  expect(await bytesOf(scene[store], firm)).toEqual([])
})

it.each(stores)('a request that is at work ends when its upload is terminated: %s', async (store) => {
  const { firm, admin, uploads, address } = await beginOn(scene[store])
  const piece = bytes.subarray(begunBytes)
  const stalled = await sendPart(address, admin, { offset: begunBytes, piece, sentBytes: 1000 })
  await expect.poll(() => isClaimed(scene[store], firm)).toBe(true)

  expect((await uploads.terminate(address)).status).toBe(204)

  await stalled.closed
  await expect.poll(() => bytesOf(scene[store], firm)).toEqual([])
  expect(await blobsOf(scene[store], firm)).toEqual([])
})

it.each(stores)('an upload waits a day for its next piece, and then leaves nothing: %s', async (store) => {
  const service = scene[store]
  const { firm, uploads, address } = await beginOn(service)
  await collect(service, 23)
  expect(offsetOf(await uploads.view(address))).toBe(begunBytes)

  await service.app.db
    .updateTable('document_uploads')
    .set({ expires_at: new Date() })
    .where('firm_id', '=', firm)
    .execute()

  expect((await uploads.view(address)).status).toBe(404)
  expect((await uploads.send(address, begunBytes, bytes.subarray(begunBytes))).status).toBe(404)
  await collect(service, 0)
  expect(await blobsOf(service, firm)).toEqual([])
  expect(await bytesOf(service, firm)).toEqual([])
  expect(await uploadRows(service, firm)).toEqual([])
})

it('the row of a finished upload expires, and its document stays', async () => {
  const { firm, uploads, address } = await beginOn(scene.onS3)
  const last = await uploads.send(address, begunBytes, bytes.subarray(begunBytes))
  expect(last.status).toBe(204)
  expect(await uploads.terminate(address)).toMatchObject({ status: 409, code: 'conflict' })

  await collect(scene.onS3, 25)

  expect(await uploadRows(scene.onS3, firm)).toEqual([])
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
  expect(await blobsOf(scene.onS3, firm)).toEqual(['live'])
})

it('another person of the firm gets 404, and a firm_admin may end it', async () => {
  const service = scene.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  const [owner, colleague] = [
    await makeMember(service.app, firm, 'firm_user'),
    await makeMember(service.app, firm, 'firm_supervisor'),
  ]
  const as = (person: typeof owner) => callUploads({ url: service.url, firm, person })
  const address = await as(owner).beginAt(1000)
  const piece = Buffer.alloc(10)

  for (const person of [colleague, admin]) {
    expect((await as(person).view(address)).status).toBe(404)
    expect((await as(person).send(address, 0, piece)).status).toBe(404)
  }
  expect((await as(colleague).terminate(address)).status).toBe(404)
  expect((await as(admin).terminate(address)).status).toBe(204)
  expect((await as(owner).view(address)).status).toBe(404)
  const { rows } = await sql<{ actor_id: string; details: object }>`
    select actor_id, details from document_events where firm_id = ${firm} and action = 'upload.terminated' and outcome = 'ok'`.execute(
    service.app.db,
  )
  expect(rows).toEqual([{ actor_id: admin.id, details: expect.objectContaining({ begun_by: owner.id }) }])
})

it('the rest of a piece is claimed for a minute at most, so that it keeps no document from its purge', async () => {
  const { firm } = await beginOn(scene.onS3)
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from claimed_until - now())::float8 as seconds from document_blobs
    where firm_id = ${firm} and version_id is null and state = 'incoming'`.execute(scene.onS3.app.db)

  expect(rows).toHaveLength(1)
  expect(rows[0]?.seconds).toBeLessThanOrEqual(60)
})

it('the upload of another firm is unknown', async () => {
  const { address } = await beginOn(scene.onDisk)
  const { firm, admin } = await firmWithAdmin(scene.onDisk)
  const other = callUploads({ url: scene.onDisk.url, firm, person: admin })

  expect((await other.view(`${other.root}/${address.split('/').at(-1)}`)).status).toBe(404)
})

async function uploadRows({ app }: TestService, firm: FirmId) {
  return app.db.selectFrom('document_uploads').select('id').where('firm_id', '=', firm).execute()
}
