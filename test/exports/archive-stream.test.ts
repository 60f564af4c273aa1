import { once } from 'node:events'
import { open, readdir, readlink } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { archiveFirm } from '../../src/documents/archive/archive-firm.ts'
import { createArchiveLimit } from '../../src/documents/archive/limit-archives-at-once.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { later, serveAt } from '../people/call-people.ts'
import { problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { openFailingS3 } from '../support/fallback/failing-s3.ts'
import { makePdf } from '../support/files/make-files.ts'
import { seedDocumentsOf, type SeededDocument } from '../support/documents/seed-documents.ts'
import { makeMember, type Person } from '../support/people/people.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { archiveOf, callArchive, ensureReaders } from './read-archive.ts'

const mebibyte = 1024 * 1024

let service: TestService
beforeAll(async () => {
  await ensureReaders()
  service = await startService({ MAX_UPLOAD_BYTES: '60000000' })
})
afterAll(async () => service.stop())

type Scene = { firm: FirmId; admin: Person; seeded: SeededDocument[] }

async function firmWith(...sizes: number[]): Promise<Scene> {
  const { firm, admin } = await firmWithAdmin(service)
  return { firm, admin, seeded: await seedDocumentsOf(service, { firm, admin }, sizes) }
}

/** Changes one byte of a stored file. */
async function spoil({ key }: { key: string }): Promise<void> {
  await using file = await open(`${service.folder}/uploads/${key}`, 'r+')
  await file.write(Buffer.from([0]), 0, 1, 30)
}

async function readsOf(url: string): Promise<number> {
  const metrics = await readMetrics(url)
  return (
    metrics.valueOf(
      'paniq_documents_store_operation_duration_seconds_count',
      'store="local",operation="read",outcome="ok"',
    ) ?? 0
  )
}

/** A client that asks for an archive and reads nothing after the first bytes. */
async function openStalled({ firm, admin }: Scene): Promise<Socket> {
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `GET /api/v1/security-firms/${firm}/documents.zip HTTP/1.1\r\nHost: x\r\nAuthorization: ${admin.headers.authorization}\r\n\r\n`,
  )
  await once(socket, 'readable')
  return socket
}

const running = () =>
  service.app.db.selectFrom('document_events').selectAll().where('action', '=', 'documents.exported')

it('a large file that is corrupt breaks the connection, is marked, and the next archive leaves it out', async () => {
  const { firm, admin, seeded } = await firmWith(20 * mebibyte)
  const [large = { key: '' }] = seeded
  await spoil(large)

  const answer = await callArchive(service.url, firm, admin)
  expect(answer.status).toBe(200)
  await expect(answer.arrayBuffer()).rejects.toThrow('terminated')
  const { entries, manifest } = await archiveOf(service.url, firm, admin)

  expect(entries.map(({ name }) => name)).toEqual(['manifest.csv'])
  expect(manifest.map((row) => row['left_out'])).toEqual(['corrupt'])
})

it('a client that does not read delays the reading of files, and one that leaves ends it', async () => {
  const scene = await firmWith(...Array.from({ length: 40 }, () => 2 * mebibyte))
  const before = await readsOf(service.url)
  const socket = await openStalled(scene)
  let reads = 0
  await expect
    .poll(
      async () => {
        const last = reads
        reads = (await readsOf(service.url)) - before
        return reads > 0 && reads === last
      },
      { interval: 500 },
    )
    .toBe(true)
  expect(reads).toBeLessThan(20)

  socket.destroy()

  // Two more start only after the first one has ended, and read each of their 40 files. It read no other file.
  await expect.poll(async () => (await readTwice(scene)).map(({ status }) => status)).toEqual([200, 200])
  const after = (await readsOf(service.url)) - before
  expect([reads, reads + 1]).toContain(after % 40)
})

/** Two archives at once, read to their end. */
async function readTwice({ firm, admin }: Scene): Promise<Response[]> {
  const answers = await Promise.all([callArchive(service.url, firm, admin), callArchive(service.url, firm, admin)])
  await Promise.all(answers.map((answer) => answer.arrayBuffer()))
  return answers
}

it('two people of one firm who read nothing leave room for other firms, and nobody of theirs gets a third', async () => {
  const scene = await firmWith(...Array.from({ length: 40 }, () => 2 * mebibyte))
  const [colleague, third] = [await makeMember(service.app, scene.firm), await makeMember(service.app, scene.firm)]
  const sockets = [await openStalled(scene), await openStalled({ ...scene, admin: colleague })]

  const denied = await callArchive(service.url, scene.firm, third)
  expect([denied.status, denied.headers.get('retry-after')]).toEqual([429, '60'])
  const other = await firmWith(1000)
  expect((await archiveOf(service.url, other.firm, other.admin)).manifest).toHaveLength(1)
  for (const socket of sockets) socket.destroy()
})

it('a client that reads too slowly is cut off, and its archive ends', async () => {
  const { firm, admin } = await firmWith(...Array.from({ length: 20 }, () => mebibyte))
  const limit = createArchiveLimit()
  const minRate = { bytesPerSecond: 100 * mebibyte, windowMs: 100 }
  const actor = { userId: admin.id, sessionId: undefined, apiKeyId: undefined, ip: '127.0.0.1', userAgent: 'a test' }
  const { content } = await archiveFirm(
    { ...service.app, limit, minRate },
    { ...actor, requestId: 'a slow client' },
    { firmId: firm, withVersions: false },
  )

  await expect(readSlowly(content)).rejects.toThrow('too slowly')

  const again = [limit.begin({ userId: admin.id, firmId: firm }), limit.begin({ userId: admin.id, firmId: firm })]
  for (const end of again) end()
})

async function readSlowly(content: Readable): Promise<void> {
  for await (const chunk of content) await wait((chunk as Buffer).length > 0 ? 20 : 0) // the ZIP is in buffers
}

it('a client that leaves in the middle of a file leaves no file open', async () => {
  const scene = await firmWith(...Array.from({ length: 3 }, () => 40 * mebibyte))
  const openFiles = async () => {
    const fds = await readdir('/proc/self/fd')
    const targets = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    return targets.filter((target) => target.includes(scene.firm)).length
  }
  const socket = await openStalled(scene)
  await expect.poll(openFiles).toBe(1)

  socket.destroy()

  await expect.poll(openFiles).toBe(0)
})

it('one person gets two archives at once, and another one after they ended', async () => {
  const scene = await firmWith(...Array.from({ length: 40 }, () => 2 * mebibyte))
  const sockets = [await openStalled(scene), await openStalled(scene)]

  const third = await callArchive(service.url, scene.firm, scene.admin)
  expect([third.status, third.headers.get('retry-after'), (await problemOf(third)).code]).toEqual([
    429,
    '60',
    'rate_limited',
  ])
  for (const socket of sockets) socket.destroy()

  await expect
    .poll(async () => {
      const again = await callArchive(service.url, scene.firm, scene.admin)
      await again.body?.cancel()
      return again.status
    })
    .toBe(200)
})

it('a person who loses the right gets no further file', async () => {
  const scene = await firmWith(...Array.from({ length: 40 }, () => 2 * mebibyte))
  const serving = await serveAt(service.app)
  const { clock } = serving
  const answer = await callArchive(serving.url, scene.firm, scene.admin)
  await service.app.db.deleteFrom('firm_users').where('user_id', '=', scene.admin.id).execute()
  clock.now = later(clock.now, 31)

  await expect(answer.arrayBuffer()).rejects.toThrow('terminated')

  const events = await running().where('firm_id', '=', scene.firm).orderBy('occurred_at').execute()
  expect(events.map(({ outcome }) => outcome)).toEqual(['ok', 'not_a_member'])
  await serving.stop()
})

it('a document that is deleted while the client is slow is left out', async () => {
  const scene = await firmWith(...Array.from({ length: 40 }, () => 2 * mebibyte))
  const answer = await callArchive(service.url, scene.firm, scene.admin)
  await service.app.db
    .updateTable('documents')
    .set({ deleted_at: new Date() })
    .where('firm_id', '=', scene.firm)
    .execute()

  const bytes = (await answer.arrayBuffer()).byteLength

  expect(bytes).toBeLessThan(30 * 2 * mebibyte)
})

it('HEAD answers the headers, reads no file, and counts as no archive', async () => {
  const scene = await firmWith(...Array.from({ length: 40 }, () => 2 * mebibyte))
  const { firm, admin } = scene
  const head = (person: Person) => callArchive(service.url, firm, person, '', { method: 'HEAD' })
  const before = await readsOf(service.url)

  const answer = await head(admin)

  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/zip'])
  expect(answer.headers.get('content-disposition')).toContain('Umkhonto Guarding documents')
  expect((await readsOf(service.url)) - before).toBe(0)
  expect((await head((await firmWith()).admin)).status).toBe(403)

  // Also while a third archive would be denied.
  const sockets = [await openStalled(scene), await openStalled(scene)]
  expect((await head(admin)).status).toBe(200)
  const archives = await running().where('firm_id', '=', firm).where('outcome', '=', 'ok').execute()
  expect(archives).toHaveLength(2)
  for (const socket of sockets) socket.destroy()
})

it('a store that is out before the first file is a 503; one that goes away later breaks the connection', async () => {
  const s3 = await openFailingS3()
  const { firm, admin } = await firmWithAdmin(s3.service)
  const { url } = s3.service
  for (let number = 0; number < 12; number += 1)
    await uploadDocument(url, firm, admin, { bytes: makePdf({ bytes: 4 * mebibyte, seed: String(number) }) })

  await s3.spoil({ kind: 'refuse' })
  const first = await callArchive(url, firm, admin)
  expect([first.status, (await problemOf(first)).code, first.headers.get('content-disposition')]).toEqual([
    503,
    'store_unavailable',
    null,
  ])

  await s3.mend()
  const second = await callArchive(url, firm, admin)
  expect(second.status).toBe(200)
  await s3.spoil({ kind: 'refuse' })
  await expect(second.arrayBuffer()).rejects.toThrow('terminated')
  await s3.close()
})
