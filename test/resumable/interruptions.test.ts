import { expect, it } from 'vitest'

import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { callUploads, offsetOf } from './call-uploads.ts'
import { sendPart } from './send-part.ts'

const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const settings = { MAX_UPLOAD_BYTES: '60000000', DATABASE_URL: database.url }
  const start = async (more: Record<string, string>) => {
    const service = await startService({ ...settings, ...more })
    closing.defer(() => service.stop())
    return service
  }
  return {
    onS3: await start(s3Settings(bucket)),
    besideOnS3: await start(s3Settings(bucket)),
    onDisk: await start({}),
    onOtherDisk: await start({}),
  }
})

async function uploadsAt(service: TestService) {
  const { firm, admin } = await firmWithAdmin(service)
  const at = ({ url }: TestService) => callUploads({ url, firm, person: admin })
  return { admin, uploads: at(service), at }
}

const bytes = makePdf({ bytes: 22_000_000 })
const onOther = (address: string, { url }: TestService) => new URL(new URL(address).pathname, url).href

it.each(['onS3', 'onDisk'] as const)('a piece that breaks off is kept as far as it arrived: %s', async (store) => {
  const { admin, uploads } = await uploadsAt(scene[store])
  const address = await uploads.beginAt(bytes.length)
  let offset = 0
  for (const sentBytes of [9_000_001, 3_000_000, 17]) {
    const broken = await sendPart(address, admin, { offset, piece: bytes.subarray(offset), sentBytes })
    broken.cut()
    offset += sentBytes
    await expect.poll(async () => offsetOf(await uploads.view(address))).toBe(offset)
  }

  const last = await uploads.send(address, offset, bytes.subarray(offset))

  expect(last.status).toBe(204)
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
})

it.each([
  ['onS3', 'besideOnS3'],
  ['onDisk', 'onDisk'],
] as const)('a newer request ends one that stalls, and goes on: %s, %s', async (first, second) => {
  const { admin, uploads, at } = await uploadsAt(scene[first])
  const address = await uploads.beginAt(bytes.length)
  const stalled = await sendPart(address, admin, { offset: 0, piece: bytes, sentBytes: 10_000_000 })
  const other = onOther(address, scene[second])
  await expect
    .poll(async () => {
      const rows = scene.onS3.app.db.selectFrom('document_uploads').select('received_bytes')
      return Number((await rows.orderBy('created_at', 'desc').executeTakeFirst())?.received_bytes)
    })
    .toBeGreaterThan(0)

  const viewed = await at(scene[second]).view(other)
  await stalled.closed

  const offset = offsetOf(viewed)
  expect(offset).toBeGreaterThan(8_000_000)
  expect(offset).toBeLessThanOrEqual(10_000_000)
  const last = await at(scene[second]).send(other, offset, bytes.subarray(offset))
  expect(last.status).toBe(204)
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
})

it('of requests for the same piece one goes on, and the others are in conflict', async () => {
  const { uploads, at } = await uploadsAt(scene.onS3)
  const address = await uploads.beginAt(bytes.length)
  const [first, second] = [address, onOther(address, scene.besideOnS3)]

  const answers = await Promise.all(
    [uploads.send(first, 0, bytes), at(scene.besideOnS3).send(second, 0, bytes), uploads.send(first, 0, bytes)].map(
      (each) => each.catch(() => ({ status: 0 })),
    ),
  )

  // A request that is ended gets no answer.
  expect(answers.filter(({ status }) => ![0, 204, 409].includes(status))).toEqual([])
  const offset = offsetOf(await uploads.view(address))
  const last =
    offset === bytes.length ? await uploads.view(address) : await uploads.send(address, offset, bytes.subarray(offset))
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
})

it('an upload on another disk is answered with 503, and goes on where it is', async () => {
  const { uploads, at } = await uploadsAt(scene.onDisk)
  const address = await uploads.beginAt(bytes.length)
  const elsewhere = at(scene.onOtherDisk)
  const other = onOther(address, scene.onOtherDisk)

  const answer = await elsewhere.send(other, 0, bytes)

  expect([answer.status, answer.code]).toEqual([503, 'store_unavailable'])
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(offsetOf(await elsewhere.view(other))).toBe(0)
  expect((await uploads.send(address, 0, bytes)).status).toBe(204)
})
