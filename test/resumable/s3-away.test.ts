import { expect, it } from 'vitest'

import { drain } from '../../src/documents/moving/drain-fallback.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { openFailingS3 } from '../support/fallback/failing-s3.ts'
import { makePdf } from '../support/files/make-files.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { callUploads, offsetOf } from './call-uploads.ts'

const scene = sceneOfFile(async (closing) => {
  const s3 = await openFailingS3()
  closing.defer(() => s3.close())
  return { s3 }
})

async function uploadsOf() {
  const { firm, admin } = await firmWithAdmin(scene.s3.service)
  const { url } = scene.s3.service
  const uploads = callUploads({ url, firm, person: admin })
  const store = async (location: string | null) => {
    const answer = await fetch(`${url}${location}`, { headers: admin.headers })
    return ((await answer.json()) as { storage: string }).storage
  }
  return { uploads, store }
}

it('an upload that began on S3 waits for it, and goes on', async () => {
  const { s3 } = scene
  const { uploads, store } = await uploadsOf()
  const bytes = makePdf({ bytes: 22_000_000 })
  const address = await uploads.beginAt(bytes.length)
  await uploads.send(address, 0, bytes.subarray(0, 9_000_000))

  await s3.spoil({ kind: 'refuse' })
  const answer = await uploads.send(address, 9_000_000, bytes.subarray(9_000_000))
  expect([answer.status, answer.code]).toEqual([503, 'store_unavailable'])
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(offsetOf(await uploads.view(address))).toBe(9_000_000)

  await s3.mend()
  const last = await uploads.send(address, 9_000_000, bytes.subarray(9_000_000))
  expect(last.status).toBe(204)
  expect(await store(last.headers.get('content-location'))).toBe('s3')
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
})

it('an upload that cannot be completed is finished with its last byte, once S3 answers', async () => {
  const { s3 } = scene
  const { uploads } = await uploadsOf()
  const bytes = makePdf({ bytes: 9_000_000 })
  const address = await uploads.beginAt(bytes.length)
  await uploads.send(address, 0, bytes.subarray(0, 8_500_000))
  // The last part arrives, and its answer and all further ones do not.
  await s3.spoil({ kind: 'swallow_answer' })
  expect((await uploads.send(address, 8_500_000, bytes.subarray(8_500_000))).status).toBe(503)

  await s3.mend()
  const offset = offsetOf(await uploads.view(address))
  expect(offset).toBeLessThan(bytes.length)
  const last = await uploads.send(address, offset, bytes.subarray(offset))

  expect(last.status).toBe(204)
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
})

it('an upload that begins while S3 is away stays on the local disk, and moves to S3 later', async () => {
  const { s3 } = scene
  const { uploads, store } = await uploadsOf()
  const bytes = makePdf({ bytes: 12_000_000 })
  await s3.spoil({ kind: 'refuse' })
  const address = await uploads.beginAt(bytes.length)
  await uploads.send(address, 0, bytes.subarray(0, 9_000_000))
  await s3.mend()

  const last = await uploads.send(address, 9_000_000, bytes.subarray(9_000_000))

  const location = last.headers.get('content-location')
  expect([last.status, await store(location)]).toEqual([204, 'local'])
  const { app } = s3.service
  await drain(app, systemActor('test'), { concurrency: 1, signal: new AbortController().signal })
  expect(await store(location)).toBe('s3')
  expect((await uploads.download(last)).equals(bytes)).toBe(true)
})
