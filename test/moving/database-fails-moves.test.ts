import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { type Db, openDatabase } from '../../src/database/connection/client.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { drain } from '../../src/documents/moving/drain-fallback.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { serviceBehindProxies } from '../support/service/service-behind-proxies.ts'

const scene = serviceBehindProxies({ USE_S3_STORAGE: 'false' })
/** Without the proxy. */
let beside: Db
beforeAll(() => {
  const connectionString = scene.database.settings.DATABASE_URL
  beside = openDatabase({ connectionString }, createLogger({ level: 'silent', isTerminal: false })).db
})
afterAll(() => beside.destroy())
beforeEach(async () => scene.toDatabase.setFault({ kind: 'none' }))

const actor = systemActor('a test')
const never = new AbortController().signal

test('a committed move without an answer: the document has moved once, and its source is removed', async () => {
  const { id, sourceKey } = await waitingDocument()
  // Each move's commit takes two seconds, in which the connection can be lost.
  await lingerAtCommits()
  const draining = drain(scene.service.app, actor, { concurrency: 1, signal: never })
  await untilCommitting()
  await scene.toDatabase.cutAll()
  expect(await draining).toMatchObject({ moved: 0, left: 1 })
  await untilNobodyCommits()
  await lingerNoMore()

  expect(await drain(scene.service.app, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 0, left: 0 })
  expect(await versionOf(id)).toMatchObject({ store: 's3', bytes_state: 'present' })
  await expectOneCopyAfterDays(sourceKey)
})

test('a database that fails between copy and commit: the document stays, and the next run uses the copy', async () => {
  const { id, sourceKey } = await waitingDocument()
  const { s3 } = scene.service.app.stores
  if (s3 === undefined) throw new Error('this service has no S3')
  const cutting = {
    ...s3,
    async write(...words: Parameters<typeof s3.write>) {
      const stored = await s3.write(...words)
      scene.toDatabase.setFault({ kind: 'refuse' })
      await scene.toDatabase.cutAll()
      return stored
    },
  }
  const needs = { ...scene.service.app, stores: { ...scene.service.app.stores, s3: cutting } }

  expect(await drain(needs, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 0, left: 1 })
  expect(await versionOf(id)).toMatchObject({ store: 'local', bytes_state: 'present' })

  scene.toDatabase.setFault({ kind: 'none' })
  expect(await drain(scene.service.app, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 1, left: 0 })
  expect(await versionOf(id)).toMatchObject({ store: 's3', bytes_state: 'present' })
  await expectOneCopyAfterDays(sourceKey)
})

test('a database restart during a drain: every document stays available, and moves with the next run', async () => {
  const documents = []
  for (let number = 0; number < 12; number += 1) documents.push(await waitingDocument())
  const draining = drain(scene.service.app, actor, { concurrency: 3, signal: never })
  await expect.poll(movesUnderway, { interval: 5 }).toBeGreaterThan(0)
  // Like a restart, for connected clients.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()`.execute(beside)
  await draining

  expect(await drain(scene.service.app, actor, { concurrency: 3, signal: never })).toMatchObject({ left: 0 })
  for (const { id } of documents) expect(await versionOf(id)).toMatchObject({ store: 's3', bytes_state: 'present' })
  for (const { sourceKey } of documents) await expectOneCopyAfterDays(sourceKey)
})

async function waitingDocument(): Promise<{ id: string; sourceKey: string }> {
  const firmId = await makeFirm({ ...scene.service.app, db: beside })
  const member = await makeMember({ ...scene.service.app, db: beside }, firmId)
  const { id } = await uploadDocument(scene.service.url, firmId, member, { bytes: makePdf({ bytes: 20_000 }) })
  await sql`update document_versions set is_fallback = true where document_id = ${id}`.execute(beside)
  return { id, sourceKey: (await versionOf(id)).storage_key }
}

async function versionOf(id: string) {
  return beside
    .selectFrom('document_versions')
    .selectAll()
    .where(sql<boolean>`document_id = ${id}::uuid`)
    .executeTakeFirstOrThrow()
}

async function lingerAtCommits(): Promise<void> {
  await sql`create function linger() returns trigger language plpgsql as $$ begin perform pg_sleep(2); return null; end $$`.execute(
    beside,
  )
  await sql`create constraint trigger linger after update on document_versions deferrable initially deferred
            for each row when (old.store <> new.store) execute function linger()`.execute(beside)
}

async function lingerNoMore(): Promise<void> {
  await sql`drop trigger linger on document_versions`.execute(beside)
  await sql`drop function linger()`.execute(beside)
}

async function commits(): Promise<number> {
  const { rows } = await sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`.execute(beside)
  return rows.length
}

async function movesUnderway(): Promise<number> {
  const { rows } = await sql`select from document_blobs where state = 'incoming'`.execute(beside)
  return rows.length
}

async function untilCommitting(): Promise<void> {
  while ((await commits()) === 0) await sleep(20)
}

async function untilNobodyCommits(): Promise<void> {
  while ((await commits()) > 0) await sleep(50)
}

/** One object for each version on S3, and no source. */
async function expectOneCopyAfterDays(sourceKey: string): Promise<void> {
  const later = { ...scene.service.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
  await collectBlobs(later, never)
  const { rows } = await sql<{ storage_key: string }>`
    select storage_key from document_versions where store = 's3' order by 1`.execute(beside)
  const things = await listBucket(scene.bucket.client, scene.bucket.name)
  const keys = things.map(({ key }) => key).filter((key) => key.startsWith('security_firms/'))
  expect(keys.toSorted()).toEqual(rows.map((row) => row.storage_key).toSorted())
  const onDisk = await Array.fromAsync(scene.service.app.stores.local.list(''))
  expect(onDisk.map(({ key }) => key as string)).not.toContain(sourceKey)
}
