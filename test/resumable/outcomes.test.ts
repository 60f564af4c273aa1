import { createHash } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { makeInfectedPdf } from '../support/files/infected-files.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeMember } from '../support/people/people.ts'
import { clamdInHand } from '../support/run/controlled-clamd.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { callUploads, offsetOf, type UploadWish } from './call-uploads.ts'

const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const settings = { MAX_UPLOAD_BYTES: '60000000', CLAMD_URL: clamd.url }
  const onS3 = await startService({ ...settings, ...s3Settings(bucket) })
  closing.defer(() => onS3.stop())
  const onDisk = await startService(settings)
  closing.defer(() => onDisk.stop())
  return { bucket, onS3, onDisk }
})

const stores = ['onS3', 'onDisk'] as const

async function uploadsOf(service: TestService) {
  const { firm, admin } = await firmWithAdmin(service)
  return { firm, admin, uploads: callUploads({ url: service.url, firm, person: admin }) }
}

/** What is stored of a firm and not waiting for its removal. */
async function leftOf(service: TestService, firm: FirmId) {
  const { rows } = await sql<{ state: string }>`
    select state from document_blobs where firm_id = ${firm} and state <> 'leaving'`.execute(service.app.db)
  const isOfFirm = (name: string) => name.includes(firm)
  const objects = (await listBucket(scene.bucket.client, scene.bucket.name)).map(({ key }) => key)
  const files = (await listFolder(service.folder)).filter(({ kind }) => kind === 'file').map(({ path }) => path)
  return { rows, bytes: [...objects, ...files].filter(isOfFirm) }
}

const rejections: [string, Buffer, UploadWish, string][] = [
  ['another hash', makePdf({ bytes: 20_000_000 }), { metadata: { sha256: '0'.repeat(64) } }, '422 validation_failed'],
  ['another type', Buffer.alloc(6_000_000, 'x'), {}, '415 unsupported_type'],
  ['another declared type', makePdf(), { metadata: { filetype: 'image/png' } }, '415 unsupported_type'],
  ['another extension', makePdf(), { fileName: 'a.png' }, '415 unsupported_type'],
  ['a virus', makeInfectedPdf({ bytes: 300_000 }), {}, '422 infected'],
  ['no end of the PDF', makePdf({ bytes: 20_000_000 }).subarray(0, 19_000_000), {}, '415 unsupported_type'],
]
describe.each(stores)('%s', (store) => {
  it.each(rejections)(
    'a file with %s is rejected, and its room is free again',
    async (_what, bytes, wish, expected) => {
      const service = scene[store]
      const { firm, admin, uploads } = await uploadsOf(service)
      const begun = await uploads.begin(bytes.length, wish)
      const address = new URL(begun.headers.get('location') ?? 'none', service.url).href

      const answer = begun.status === 201 ? await uploads.send(address, 0, bytes) : begun

      expect(`${answer.status} ${answer.code}`).toBe(expected)
      expect(await (await callDocuments(service.url, firm, admin)).json()).toEqual([])
      expect(await leftOf(service, firm)).toEqual({ rows: [], bytes: [] })
      const again = begun.status === 201 ? await uploads.send(address, 0, bytes) : answer
      expect(`${again.status} ${again.code}`).toBe(expected)
    },
  )
})

it.each(stores)('%s: the document is as of any other upload', async (store) => {
  const service = scene[store]
  const { firm, admin, uploads } = await uploadsOf(service)
  const bytes = makePdf({ bytes: 20_000_000 })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const begun = await uploads.begin(bytes.length, {
    piece: bytes,
    fileName: 'Ünïcode, März.pdf',
    metadata: { sha256, filetype: 'application/pdf' },
  })

  const answer = await fetch(`${service.url}${begun.headers.get('content-location')}`, { headers: admin.headers })

  expect(await answer.json()).toMatchObject({
    firm_id: firm,
    file_name: 'Ünïcode, März.pdf',
    file_size: bytes.length,
    sha256,
    mime_type: 'application/pdf',
    scan_status: 'clean',
    storage: store === 'onS3' ? 's3' : 'local',
    uploaded_by: admin.id,
  })
  // The rest of a small last piece is gone, too.
  expect((await leftOf(service, firm)).rows).toEqual([{ state: 'live' }])
})

it('the right is judged at each request, and at the end', async () => {
  const service = scene.onS3
  const { firm } = await firmWithAdmin(service)
  const member = await makeMember(service.app, firm, 'firm_user')
  const uploads = callUploads({ url: service.url, firm, person: member })
  const bytes = makePdf({ bytes: 200_000 })
  const address = await uploads.beginAt(bytes.length)
  await uploads.send(address, 0, bytes.subarray(0, 100_000))

  await service.app.db.updateTable('firm_users').set({ status: 'suspended' }).where('user_id', '=', member.id).execute()

  expect(await uploads.send(address, 100_000, bytes.subarray(100_000))).toMatchObject({
    status: 403,
    code: 'not_a_member',
  })
  expect((await uploads.view(address)).status).toBe(403)
  expect((await uploads.begin(9)).status).toBe(403)
  expect((await uploads.terminate(address)).status).toBe(403)
  await service.app.db.updateTable('firm_users').set({ status: 'active' }).where('user_id', '=', member.id).execute()
  expect((await uploads.send(address, 100_000, bytes.subarray(100_000))).status).toBe(204)
})

it('the declared length counts against the quota from the beginning', async () => {
  const { firm, uploads } = await uploadsOf(scene.onDisk)
  await sql`insert into document_quotas (firm_id, max_bytes) values (${firm}, 1000000)`.execute(scene.onDisk.app.db)
  const bytes = makePdf({ bytes: 600_000 })

  const address = await uploads.beginAt(bytes.length)

  expect(await uploads.begin(bytes.length)).toMatchObject({ status: 429, code: 'quota_exceeded' })
  await uploads.terminate(address)
  expect((await uploads.begin(bytes.length)).status).toBe(201)
})

it('an idempotency key has one document, and another file under it is a conflict', async () => {
  const { firm, admin, uploads } = await uploadsOf(scene.onS3)
  const wish = { metadata: { idempotency_key: 'scan 7' } }
  const [bytes, other] = [makePdf({ seed: 'one' }), makePdf({ seed: 'two' })]

  const first = await uploads.begin(bytes.length, { ...wish, piece: bytes })
  const again = await uploads.begin(bytes.length, { ...wish, piece: bytes })
  const wrong = await uploads.begin(other.length, { ...wish, piece: other })

  expect([first.status, again.status, wrong.status, wrong.code]).toEqual([201, 201, 409, 'conflict'])
  expect(again.headers.get('content-location')).toBe(first.headers.get('content-location'))
  expect(offsetOf(again)).toBe(bytes.length)
  expect(await (await callDocuments(scene.onS3.url, firm, admin)).json()).toHaveLength(1)
  expect((await leftOf(scene.onS3, firm)).rows).toEqual([{ state: 'live' }])
})
