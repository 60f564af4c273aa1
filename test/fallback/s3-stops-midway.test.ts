import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import pLimit from 'p-limit'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { serviceBehindProxies } from '../support/service/service-behind-proxies.ts'

const scene = serviceBehindProxies({ MAX_UPLOAD_BYTES: '60000000' })
let tending: { close(): Promise<void> }
beforeAll(() => {
  tending = startLocalDiskTasks(scene.service.app, { drainEveryMs: 1000, collectEveryMs: 3_600_000 })
})
afterAll(() => tending.close())

it('all of a hundred uploads during an outage of S3 are accepted, and are on S3 in the end', async () => {
  const sent = new Map<string, string>()
  const atOnce = pLimit(6)
  let answered = 0

  await Promise.all(
    Array.from({ length: 100 }, (_, number) =>
      atOnce(async () => {
        const bytes = makePdf({ bytes: number % 25 === 0 ? 6_000_000 : 20_000 + number, seed: `document ${number}` })
        const { id } = await uploadDocument(scene.service.url, scene.firm, scene.admin, { bytes })
        sent.set(id, createHash('sha256').update(bytes).digest('hex'))
        answered += 1
        if (answered === 30) await stopS3()
        if (answered === 70) startS3()
      }),
    ),
  )

  const fallen = scene.service.logLines.filter((line) => line.includes('"event":"s3_upload_failed"'))
  expect(fallen.length).toBeGreaterThan(0)
  await untilAllAreOnS3()
  expect(await listHashes()).toEqual(Object.fromEntries(sent))
  for (const [id, sha256] of sent) expect([id, await downloadedHash(id)]).toEqual([id, sha256])
}, 180_000)

async function stopS3(): Promise<void> {
  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
}

function startS3(): void {
  scene.toS3.setFault({ kind: 'none' })
}

/** The service must detect by itself that S3 is back. */
async function untilAllAreOnS3(): Promise<void> {
  for (;;) {
    const waiting = await scene.service.app.db
      .selectFrom('document_versions')
      .select('document_id')
      .where('store', '=', 'local')
      .execute()
    if (waiting.length === 0) return
    await sleep(200)
  }
}

async function listHashes(): Promise<Record<string, string>> {
  const response = await callDocuments(scene.service.url, scene.firm, scene.admin)
  const documents = (await response.json()) as { id: string; sha256: string }[]
  return Object.fromEntries(documents.map(({ id, sha256 }) => [id, sha256]))
}

async function downloadedHash(id: string): Promise<string> {
  const answer = await callDocuments(scene.service.url, scene.firm, scene.admin, `/${id}/download`)
  const response = await fetch(answer.headers.get('location') ?? 'no link')
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}
