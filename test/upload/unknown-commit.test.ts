import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type Db, openDatabase } from '../../src/database/connection/client.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { callDocuments, problemOf, uploadFile } from '../support/documents/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { type FreshDatabase, freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { serveAfterWrite } from '../support/service/serve-after-write.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let database: FreshDatabase
let proxy: FaultProxy
let service: TestService
let beside: Db

beforeAll(async () => {
  database = await freshMigratedDatabase()
  const address = new URL(database.url)
  proxy = await startFaultProxy({ host: address.hostname, port: Number(address.port) })
  const throughProxy = new URL(database.url)
  throughProxy.host = `127.0.0.1:${proxy.port}`
  service = await startService({ DATABASE_URL: throughProxy.href })
  beside = openDatabase({ connectionString: database.url }, createLogger({ level: 'silent', isTerminal: false })).db

  // Makes each commit of a new document take four seconds, in which the connection can be lost.
  await sql`create function linger() returns trigger language plpgsql as $$ begin perform pg_sleep(4); return null; end $$`.execute(
    beside,
  )
  await sql`create constraint trigger linger after insert on firm_documents deferrable initially deferred for each row execute function linger()`.execute(
    beside,
  )
})
afterAll(async () => {
  await service.stop()
  await beside.destroy()
  await proxy.close()
  await database.drop()
})

/** The test may cut the service's own connections. */
const registry = () => ({ ...service.app, db: beside })

async function lingering(): Promise<number> {
  const { rows } =
    await sql`select 1 from pg_stat_activity where datname = current_database() and query like '%with asked as materialized%' and wait_event = 'PgSleep'`.execute(
      beside,
    )
  return rows.length
}

const untilCommitting = async () => expect.poll(lingering, { interval: 25 }).toBeGreaterThan(0)

async function committing(): Promise<number> {
  const { rows } = await sql<{
    n: number
  }>`select count(*)::int as n from pg_stat_activity where datname = current_database() and query like '%with asked as materialized%' and state = 'active' and pid <> pg_backend_pid()`.execute(
    beside,
  )
  return rows[0]?.n ?? 0
}

const countOf = async (table: string, firm: string) =>
  (await sql<{ n: number }>`select count(*)::int as n from ${sql.id(table)} where firm_id = ${firm}`.execute(beside))
    .rows[0]?.n

const blobStatesOf = async (firm: string) => {
  const { rows } = await sql<{ state: string }>`select state from document_blobs where firm_id = ${firm}::uuid`.execute(
    beside,
  )
  return rows.map(({ state }) => state)
}

const filesOf = async (firm: string) =>
  (await listFolder(`${service.folder}/uploads/security_firms/${firm}`)).filter(({ kind }) => kind === 'file').length

it('a commit that succeeded without an answer: 503, the bytes stay, and the document exists', async () => {
  const firm = await makeFirm(registry())
  const admin = await makeMember(registry(), firm)
  const answering = uploadFile(service.url, firm, admin)
  await untilCommitting()

  await proxy.cutAll()

  const answer = await answering
  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  while ((await committing()) > 0) await sleep(50)
  expect([await countOf('documents', firm), await blobStatesOf(firm), await filesOf(firm)]).toEqual([1, ['live'], 1])
  const list = (await (await callDocuments(service.url, firm, admin)).json()) as { id: string }[]
  const download = await callDocuments(service.url, firm, admin, `/${list[0]?.id}/download`)
  expect(download.status).toBe(200)
  expect(service.logLines.join('')).toContain('upload_outcome_unknown')
})

it('a commit that failed without an answer: 503, and the bytes stay, named by their blob', async () => {
  const firm = await makeFirm(registry())
  const admin = await makeMember(registry(), firm)
  const answering = uploadFile(service.url, firm, admin)
  await untilCommitting()

  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%with asked as materialized%' and wait_event = 'PgSleep'`.execute(
    beside,
  )

  const answer = await answering
  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  expect([await countOf('documents', firm), await blobStatesOf(firm), await filesOf(firm)]).toEqual([
    0,
    ['incoming'],
    1,
  ])
})

it('connections lost before the commit: the upload commits over another one', async () => {
  const firm = await makeFirm(registry())
  const admin = await makeMember(registry(), firm)
  const url = await serveAfterWrite(service, async () => {
    await proxy.cutAll()
    await sleep(500) // until the pool has noticed
  })

  expect((await uploadFile(url, firm, admin)).status).toBe(201)
  expect([await countOf('documents', firm), await filesOf(firm)]).toEqual([1, 1])
})

it('a database that fails before the commit: 503, no document, and the collector removes the bytes', async () => {
  const firm = await makeFirm(registry())
  const admin = await makeMember(registry(), firm)
  const url = await serveAfterWrite(service, async () => {
    proxy.setFault({ kind: 'refuse' })
    await proxy.cutAll()
  })

  const answer = await uploadFile(url, firm, admin).finally(() => proxy.setFault({ kind: 'none' }))

  expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
  expect([await countOf('documents', firm), await blobStatesOf(firm), await filesOf(firm)]).toEqual([
    0,
    ['incoming'],
    1,
  ])
  const inTwoDays = { ...service.app, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
  await collectBlobs(inTwoDays, new AbortController().signal)
  expect([await blobStatesOf(firm), await filesOf(firm)]).toEqual([[], 0])
})
