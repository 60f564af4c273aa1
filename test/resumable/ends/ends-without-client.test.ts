import { rename } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { collectBlobs } from '../../../src/documents/stores/collect-blobs.ts'
import { startLocalDiskTasks } from '../../../src/worker/local-disk-tasks.ts'
import { callDocuments } from '../../support/documents/call-documents.ts'
import { makeInfectedPdf } from '../../support/files/infected-files.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { listFolder } from '../../support/s3/list-everything.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { offsetOf } from '../call-uploads.ts'
import { eventsOf, finish, leftOf, sceneOfEnds, stores, uploadAndKill } from './scene-of-ends.ts'

const scene = sceneOfEnds()

/** The bytes in the metric of uploads, by outcome. */
async function countsOf({ app }: TestService) {
  const { values } = await app.metrics.uploadBytes.get()
  const sumOf = (outcome: string) =>
    values.filter(({ labels }) => labels.outcome === outcome).reduce((sum, { value }) => sum + value, 0)
  return { ok: sumOf('ok'), refused: sumOf('refused') }
}
const bytes = makePdf({ bytes: 7_000_000 })

it.each(stores)(
  'another instance finishes what the killed one had received, and the client gets its answer: %s',
  async (store) => {
    const { service, firm, person, uploads, address, half } = await uploadAndKill(scene, store, bytes)
    const list = async () => (await (await callDocuments(service.url, firm, person)).json()) as unknown[]
    expect(await list()).toEqual([])

    const tending = startLocalDiskTasks(service.app, {
      drainEveryMs: 3_600_000,
      collectEveryMs: 3_600_000,
      finishEveryMs: 200,
    })
    await expect.poll(async () => (await list()).length).toBe(1)
    await tending.close()

    const viewed = await uploads.view(address)
    expect([viewed.status, offsetOf(viewed)]).toEqual([200, bytes.length])
    const repeated = await uploads.send(address, half, bytes.subarray(half))
    expect(repeated.status).toBe(204)
    expect(repeated.headers.get('content-location')).toBe(viewed.headers.get('content-location'))
    expect((await uploads.download(repeated)).equals(bytes)).toBe(true)
    const documents = await list()
    expect(documents).toMatchObject([{ uploaded_by: person.id, scan_status: 'clean', file_size: bytes.length }])
    expect((await leftOf(scene, service, firm)).states).toEqual(['live'])
    expect(await eventsOf(service, firm)).toMatchObject([{ outcome: 'ok', actor_id: person.id, ip: 'system' }])
  },
)

it.each(stores)('two instances and the client at the same time make one document: %s', async (store) => {
  const { service, firm, person, uploads, address } = await uploadAndKill(scene, store, bytes)

  const last = () => uploads.send(address, bytes.length - 1, bytes.subarray(bytes.length - 1))
  const [first, second, answer, again] = await Promise.all([finish(service), finish(service), last(), last()])

  expect(first.finished + second.finished).toBeLessThanOrEqual(1)
  expect([answer.status, again.status]).toEqual([204, 204])
  expect(answer.headers.get('content-location')).toBe(again.headers.get('content-location'))
  expect(await (await callDocuments(service.url, firm, person)).json()).toHaveLength(1)
})

it.each(stores)(
  'a file that is rejected without its client is removed, and the client gets the error: %s',
  async (store) => {
    const infected = makeInfectedPdf({ bytes: 300_000 })
    const { service, firm, person, uploads, address } = await uploadAndKill(scene, store, infected)
    const before = await countsOf(service)

    expect(await finish(service)).toEqual({ finished: 0, rejected: 1, left: 0 })
    const { ok, refused } = before
    expect(await countsOf(service)).toEqual({ ok, refused: refused + infected.length })

    expect(await leftOf(scene, service, firm)).toEqual({ states: [], bytes: [] })
    expect(await uploads.send(address, infected.length - 1, infected.subarray(-1))).toMatchObject({
      status: 422,
      code: 'infected',
    })
    expect(await eventsOf(service, firm)).toMatchObject([
      { outcome: 'infected', actor_id: person.id },
      { outcome: 'infected', actor_id: person.id },
    ])
    expect(await finish(service)).toEqual({ finished: 0, rejected: 0, left: 0 })
  },
)

it('a complete file does not expire after a day', async () => {
  const { service, firm, uploads, address } = await uploadAndKill(scene, 'onS3', bytes)
  const { rows } = await sql<{ days: number }>`
    select extract(epoch from expires_at - now())::float8 / 86400 as days from document_uploads
    where firm_id = ${firm}`.execute(service.app.db)
  expect(rows[0]?.days).toBeGreaterThan(6)

  const inTwoDays = { ...service.app, now: () => new Date(Date.now() + 48 * 3_600_000) }
  await collectBlobs(inTwoDays, new AbortController().signal)

  expect(await finish(service)).toEqual({ finished: 1, rejected: 0, left: 0 })
  const viewed = await uploads.view(address)
  expect((await uploads.download(viewed)).equals(bytes)).toBe(true)
})

it('a file that cannot be finished waits longer each time', async () => {
  const { service, firm, person, uploads, address } = await uploadAndKill(scene, 'onDisk', bytes)
  const folder = scene.settings.onDisk.UPLOADS_DIR
  const file = (await listFolder(folder)).find(({ kind, path }) => kind === 'file' && path.includes(firm))
  const path = join(folder, file?.path ?? '')
  await rename(path, `${path}.away`)

  expect(await finish(service)).toEqual({ finished: 0, rejected: 0, left: 1 })
  await rename(`${path}.away`, path)
  expect(await finish(service)).toEqual({ finished: 0, rejected: 0, left: 0 })

  const answer = await uploads.send(address, bytes.length - 1, bytes.subarray(-1))
  expect(answer.status).toBe(204)
  expect(await (await callDocuments(service.url, firm, person)).json()).toHaveLength(1)
})
