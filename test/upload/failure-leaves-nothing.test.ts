import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadFile } from '../support/documents/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { type Cut, sendAndCut } from '../support/documents/send-and-cut.ts'
import { serveAfterWrite } from '../support/service/serve-after-write.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let bucket: FreshBucket
let proxy: FaultProxy
let onS3: TestService
let onDisk: TestService

beforeAll(async () => {
  bucket = await freshBucket()
  const { hostname, port } = new URL(bucket.s3.endpoint)
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  onS3 = await startService({
    ...s3Settings(bucket, `http://127.0.0.1:${proxy.port}`),
    S3_FALLBACK: 'off',
    MAX_UPLOAD_BYTES: '60000000',
  })
  onDisk = await startService({ MAX_UPLOAD_BYTES: '60000000' })
})
afterAll(async () => {
  await onS3.stop()
  await onDisk.stop()
  await proxy.close()
  await bucket.remove()
})

const tables = ['documents', 'document_versions', 'document_blobs', 'document_idempotency_keys', 'firm_documents']

/** Everything that an upload could leave, except the audit trail. */
async function everything(service: TestService) {
  const rows: Record<string, number | undefined> = {}
  for (const table of tables) {
    const counted = await sql<{ n: number }>`select count(*)::int as n from ${sql.id(table)}`.execute(service.app.db)
    rows[table] = counted.rows[0]?.n
  }
  return {
    bucket: await listBucket(bucket.client, bucket.name),
    uploads: (await listFolder(`${service.folder}/uploads`)).filter(({ kind }) => kind !== 'folder'),
    spool: await listFolder(`${service.folder}/data/spool`),
    rows,
    freeMemory: service.app.budget.free(),
  }
}

/** Waits until an upload has left its first trace, so that its later absence is meaningful. */
async function begun(service: TestService, before: unknown): Promise<void> {
  await expect.poll(() => everything(service), { interval: 20 }).not.toEqual(before)
}

/** Waits until an upload's traces are gone, or for ten seconds. */
async function settled(service: TestService, before: unknown): Promise<unknown> {
  let now = await everything(service)
  for (let tries = 0; tries < 100 && JSON.stringify(now) !== JSON.stringify(before); tries += 1) {
    await sleep(100)
    now = await everything(service)
  }
  return now
}

/** The beginning of a form, up to the detection of the format. */
const enoughToBegin = 10_000

const small = makePdf({ bytes: 200_000 })
const large = makePdf({ bytes: 40_000_000 })
const cuts: [string, Cut][] = [small, large].flatMap((file) => {
  const size = file === small ? 'small' : 'large'
  const whole = file.length
  return [
    [`${size}, before the first byte`, { file, sentBytes: 0 }],
    [`${size}, after one byte`, { file, sentBytes: 1 }],
    [`${size}, half way`, { file, sentBytes: Math.floor(whole / 2) }],
    [`${size}, half way, of a length it did not declare`, { file, sentBytes: Math.floor(whole / 2), chunked: true }],
    [`${size}, before the last byte of the file`, { file, sentBytes: whole }],
  ] satisfies [string, Cut][]
})

describe.each([
  ['S3', () => onS3],
  ['local storage', () => onDisk],
])('a client that disconnects leaves nothing on %s', (_name, serviceOf) => {
  it.each(cuts)('%s', async (_what, cut) => {
    const service = serviceOf()
    const firm = await makeFirm(service.app)
    const admin = await makeMember(service.app, firm)
    const before = await everything(service)

    await sendAndCut(service, firm, admin, cut, () =>
      cut.sentBytes < enoughToBegin ? sleep(50) : begun(service, before),
    )

    expect(await settled(service, before)).toEqual(before)
  })

  it.each([
    ['small', small],
    ['large', large],
  ])('%s, after its bytes are stored and before its commit', async (_size, file) => {
    const service = serviceOf()
    const firm = await makeFirm(service.app)
    const admin = await makeMember(service.app, firm)
    const before = await everything(service)
    const [stored, cut] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const url = await serveAfterWrite(service, async () => {
      stored.resolve()
      await cut.promise
    })

    await sendAndCut({ url }, firm, admin, { file, sentBytes: Infinity }, () => stored.promise)
    await sleep(100)
    cut.resolve()

    expect(await settled(service, before)).toEqual(before)
  })
})

it.each([
  ['S3', () => onS3],
  ['local storage', () => onDisk],
])('a client that disconnects while its upload commits to %s finds it stored, once', async (_name, serviceOf) => {
  const service = serviceOf()
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)
  const key = crypto.randomUUID()
  const { promise: cutNow, resolve: hasCut } = Promise.withResolvers<void>()
  const held = service.app.db.transaction().execute(async (trx) => {
    await sql`lock table firm_documents in exclusive mode`.execute(trx)
    await cutNow
  })

  await sendAndCut(service, firm, admin, { file: small, sentBytes: Infinity, key }, () => waitUntilBlocked(service))
  await sleep(100)
  hasCut()
  await held
  const again = await uploadFile(service.url, firm, admin, {
    bytes: small,
    type: 'tax_clearance',
    headers: { 'idempotency-key': key },
  })

  expect(again.status).toBe(201)
  const list = (await (await callDocuments(service.url, firm, admin)).json()) as { id: string }[]
  expect(list.map(({ id }) => id)).toEqual([((await again.json()) as { id: string }).id])
})

/** Waits until the upload's commit has begun. */
async function waitUntilBlocked(service: TestService): Promise<void> {
  const blocked = async () => {
    // In the database of another test the table may have the same number.
    const { rows } = await sql`
      select 1 from pg_locks where not granted and relation = 'firm_documents'::regclass
      and database = (select oid from pg_database where datname = current_database())`.execute(service.app.db)
    return rows.length
  }
  await expect.poll(blocked).toBeGreaterThan(0)
}

async function untilS3IsBack(): Promise<void> {
  proxy.setFault({ kind: 'none' })
  await proxy.cutAll()
  await expect.poll(() => onS3.app.stores.s3?.outage(), { timeout: 30_000 }).toBeUndefined()
}

describe('S3 that fails during an upload, without fallback', () => {
  it.each([
    ['refuses connections', { kind: 'refuse' } as const, 1],
    ['cuts the request', { kind: 'cut_up', afterBytes: 50_000 } as const, 1],
    ['cuts the answer', { kind: 'cut_down', afterBytes: 10 } as const, 1],
  ])(
    '%s: the answer is an honest 503, and what S3 may still hold is named by its blob',
    async (_what, fault, leaving) => {
      const firm = await makeFirm(onS3.app)
      const admin = await makeMember(onS3.app, firm)
      const before = await everything(onS3)

      proxy.setFault(fault)
      await proxy.cutAll()
      const answer = await uploadFile(onS3.url, firm, admin, { bytes: small })
      await untilS3IsBack()

      expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      const after = await everything(onS3)
      const named = await leavingBlobsOf(firm)
      const held = after.bucket.filter(({ key }) => key.includes(firm))
      expect(named).toHaveLength(leaving)
      expect(named.map(({ storage_key }) => storage_key)).toEqual(expect.arrayContaining(held.map(({ key }) => key)))
      expect(after).toEqual({
        ...before,
        bucket: expect.arrayContaining(before.bucket),
        rows: { ...before.rows, document_blobs: (before.rows['document_blobs'] ?? 0) + leaving },
      })
      expect(after.bucket).toHaveLength(before.bucket.length + held.length)
    },
  )

  it('in a large upload, and stays down: its remaining bytes are named by its blob', async () => {
    const firm = await makeFirm(onS3.app)
    const admin = await makeMember(onS3.app, firm)
    const isFailing = Promise.withResolvers<void>()

    const answering = sendSlowly(onS3, firm, admin, isFailing.promise)
    await untilMultipartIsOpen(firm)
    proxy.setFault({ kind: 'refuse' })
    await proxy.cutAll()
    isFailing.resolve()
    const answer = await answering
    // The store aborts it in the background.
    await expect.poll(hasTriedToAbort).toBe(true)
    await untilS3IsBack()

    expect(answer.status).toBe(503)
    const uploads = await leavingBlobsOf(firm)
    const unfinished = (await listBucket(bucket.client, bucket.name)).filter(({ key }) => key.includes(firm))
    expect(unfinished).toMatchObject([
      { kind: 'unfinished_upload', key: uploads[0]?.storage_key, uploadId: uploads[0]?.multipart_id },
    ])
  })
})

function hasTriedToAbort(): boolean {
  return onS3.logLines.some((line) => line.includes('"abort_multipart"') && line.includes('"unavailable"'))
}

async function leavingBlobsOf(firm: FirmId) {
  return onS3.app.db
    .selectFrom('document_blobs')
    .selectAll()
    .where('firm_id', '=', firm)
    .where('state', '=', 'leaving')
    .execute()
}

/** A form whose second half waits. */
async function sendSlowly(service: TestService, firm: FirmId, person: Person, wait: Promise<void>): Promise<Response> {
  const head =
    '--slow\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
  async function* body() {
    yield Buffer.concat([Buffer.from(head), large.subarray(0, 20_000_000)])
    await wait
    yield Buffer.concat([large.subarray(20_000_000), Buffer.from('\r\n--slow--\r\n')])
  }
  return fetch(`${service.url}/api/v1/security-firms/${firm}/documents?document_type=tax_clearance`, {
    method: 'POST',
    headers: { ...person.headers, 'content-type': 'multipart/form-data; boundary=slow' },
    body: ReadableStream.from(body()),
    duplex: 'half',
  })
}

async function untilMultipartIsOpen(firm: FirmId): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const open = await onS3.app.db
      .selectFrom('document_blobs')
      .select('multipart_id')
      .where('firm_id', '=', firm)
      .executeTakeFirst()
    if (open !== undefined && open.multipart_id !== null) return
    await sleep(20)
  }
  throw new Error('the upload never came to S3')
}
