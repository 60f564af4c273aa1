import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { type Db, openDatabase } from '../../src/database/client.ts'
import { systemActor } from '../../src/database/events.ts'
import { collectBytes } from '../../src/documents/collect-bytes.ts'
import { drain } from '../../src/documents/moving/drain.ts'
import { makeLogger } from '../../src/logger.ts'
import { uploadDocument } from '../support/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../support/fresh-bucket.ts'
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts'
import { listBucket } from '../support/list-everything.ts'
import { makePdf } from '../support/make-files.ts'
import { makeFirm, makeMember } from '../support/people.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { startService, type TestService } from '../support/start-service.ts'

let bucket: FreshBucket
let database: FreshDatabase
let proxy: FaultProxy
let service: TestService
/** Past the proxy. */
let beside: Db

beforeAll(async () => {
  bucket = await freshBucket()
  database = await freshDatabase()
  const address = new URL(database.url)
  proxy = await startFaultProxy({ host: address.hostname, port: Number(address.port) })
  const through = new URL(database.url)
  through.host = `127.0.0.1:${proxy.port}`
  service = await startService({ ...s3Settings(bucket), USE_S3_STORAGE: 'false', DATABASE_URL: through.href })
  beside = openDatabase({ connectionString: database.url }, makeLogger({ level: 'silent', isTerminal: false })).db
})
afterAll(async () => {
  await service.stop()
  await beside.destroy()
  await proxy.close()
  await database.drop()
  await bucket.remove()
})
beforeEach(async () => proxy.setFault({ kind: 'none' }))

const actor = systemActor('a test')
const never = new AbortController().signal

test('a flip whose answer was lost, but which stands: the paper has moved, once, and its source goes', async () => {
  const { id, sourceKey } = await paperThatWaits()
  // Each flip's own commit takes two seconds, in which the connection can be lost.
  await lingerAtFlips()
  const draining = drain(service.app, actor, { concurrency: 1, signal: never })
  await untilFlipping()
  await proxy.cutAll()
  expect(await draining).toMatchObject({ moved: 0, left: 1 })
  await untilNobodyFlips()
  await lingerNoMore()

  expect(await drain(service.app, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 0, left: 0 })
  expect(await versionOf(id)).toMatchObject({ store: 's3', bytes_state: 'present' })
  await expectOneCopyAfterDays(sourceKey)
})

test('a database that goes away between copy and flip: the paper stays, and the next run uses the copy', async () => {
  const { id, sourceKey } = await paperThatWaits()
  const { s3 } = service.app.stores
  if (s3 === undefined) throw new Error('this service has no S3')
  const cutting = {
    ...s3,
    async write(...words: Parameters<typeof s3.write>) {
      const stored = await s3.write(...words)
      proxy.setFault({ kind: 'refuse' })
      await proxy.cutAll()
      return stored
    },
  }
  const needs = { ...service.app, stores: { ...service.app.stores, s3: cutting } }

  expect(await drain(needs, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 0, left: 1 })
  expect(await versionOf(id)).toMatchObject({ store: 'local', bytes_state: 'present' })

  proxy.setFault({ kind: 'none' })
  await sql`update document_moves set lease_until = now() - interval '1 second'`.execute(beside)
  expect(await drain(service.app, actor, { concurrency: 1, signal: never })).toMatchObject({ moved: 1, left: 0 })
  expect(await versionOf(id)).toMatchObject({ store: 's3', bytes_state: 'present' })
  await expectOneCopyAfterDays(sourceKey)
})

test('a database that is restarted in the midst of a drain: every paper is there, and goes with the next run', async () => {
  const papers = []
  for (let number = 0; number < 12; number += 1) papers.push(await paperThatWaits())
  const draining = drain(service.app, actor, { concurrency: 3, signal: never })
  await sleep(30)
  // As a restart does to those who are connected.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()`.execute(beside)
  await draining

  await sql`update document_moves set lease_until = now() - interval '1 second'`.execute(beside)
  expect(await drain(service.app, actor, { concurrency: 3, signal: never })).toMatchObject({ left: 0 })
  for (const { id } of papers) expect(await versionOf(id)).toMatchObject({ store: 's3', bytes_state: 'present' })
  for (const { sourceKey } of papers) await expectOneCopyAfterDays(sourceKey)
})

async function paperThatWaits(): Promise<{ id: string; sourceKey: string }> {
  const firmId = await makeFirm({ ...service.app, db: beside })
  const member = await makeMember({ ...service.app, db: beside }, firmId)
  const { id } = await uploadDocument(service.url, firmId, member, { bytes: makePdf({ bytes: 20_000 }) })
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

async function lingerAtFlips(): Promise<void> {
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

async function flips(): Promise<number> {
  const { rows } = await sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`.execute(beside)
  return rows.length
}

async function untilFlipping(): Promise<void> {
  while ((await flips()) === 0) await sleep(20)
}

async function untilNobodyFlips(): Promise<void> {
  while ((await flips()) > 0) await sleep(50)
}

/** One object for each version that is on S3, and the source gone. */
async function expectOneCopyAfterDays(sourceKey: string): Promise<void> {
  const later = { ...service.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
  await collectBytes(later, never)
  const { rows } = await sql<{ storage_key: string }>`
    select storage_key from document_versions where store = 's3' order by 1`.execute(beside)
  const things = await listBucket(bucket.client, bucket.name)
  const keys = things.map(({ key }) => key).filter((key) => key.startsWith('security_firms/'))
  expect(keys.toSorted()).toEqual(rows.map((row) => row.storage_key).toSorted())
  const onDisk = await Array.fromAsync(service.app.stores.local.list(''))
  expect(onDisk.map(({ key }) => key as string)).not.toContain(sourceKey)
}
