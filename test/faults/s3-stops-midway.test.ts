import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import pLimit from 'p-limit'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary.ts'
import { tendDisk } from '../../src/worker/tend-disk.ts'
import { callDocuments, uploadDocument } from '../support/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../support/fresh-bucket.ts'
import { makePdf } from '../support/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { startService, type TestService } from '../support/start-service.ts'

let bucket: FreshBucket
let proxy: FaultProxy
let service: TestService
let tending: { close(): Promise<void> }
let firmId: FirmId
let member: Person

beforeAll(async () => {
  bucket = await freshBucket()
  const { hostname, port } = new URL(bucket.s3.endpoint)
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  service = await startService({
    ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`),
    MAX_UPLOAD_BYTES: '60000000',
  })
  tending = tendDisk(service.app, { drainEveryMs: 1000, collectEveryMs: 3_600_000 })
  firmId = await makeFirm(service.app)
  member = await makeMember(service.app, firmId)
})
afterAll(async () => {
  await tending.close()
  await service.stop()
  await proxy.close()
  await bucket.remove()
})

it('a hundred uploads, in the midst of which S3 stops and starts again: all are taken, and all are on S3 in the end', async () => {
  const sent = new Map<string, string>()
  const atOnce = pLimit(6)
  let answered = 0

  await Promise.all(
    Array.from({ length: 100 }, (_, number) =>
      atOnce(async () => {
        const bytes = makePdf({ bytes: number % 25 === 0 ? 6_000_000 : 20_000 + number, seed: `paper ${number}` })
        const { id } = await uploadDocument(service.url, firmId, member, { bytes })
        sent.set(id, createHash('sha256').update(bytes).digest('hex'))
        answered += 1
        if (answered === 30) await stopS3()
        if (answered === 70) startS3()
      }),
    ),
  )

  const fallen = service.logLines.filter((line) => line.includes('"event":"s3_upload_failed"'))
  expect(fallen.length).toBeGreaterThan(0)
  await untilAllAreOnS3()
  expect(await listHashes()).toEqual(Object.fromEntries(sent))
  for (const [id, sha256] of sent) expect([id, await downloadedHash(id)]).toEqual([id, sha256])
}, 180_000)

async function stopS3(): Promise<void> {
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
}

function startS3(): void {
  proxy.setFault({ kind: 'none' })
}

/** By itself: nobody here tells the service that S3 is back. */
async function untilAllAreOnS3(): Promise<void> {
  for (;;) {
    const waiting = await service.app.db
      .selectFrom('document_versions')
      .select('document_id')
      .where('store', '=', 'local')
      .execute()
    if (waiting.length === 0) return
    await sleep(200)
  }
}

async function listHashes(): Promise<Record<string, string>> {
  const response = await callDocuments(service.url, firmId, member)
  const documents = (await response.json()) as { id: string; sha256: string }[]
  return Object.fromEntries(documents.map(({ id, sha256 }) => [id, sha256]))
}

async function downloadedHash(id: string): Promise<string> {
  const answer = await callDocuments(service.url, firmId, member, `/${id}/download`)
  const response = await fetch(answer.headers.get('location') ?? 'no link')
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}
