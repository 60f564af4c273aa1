import { readFile, rename } from 'node:fs/promises'

import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StatusShape } from '../../../../src/contract/operations.ts'
import { openS3Client } from '../../../../src/storage/s3/requests/retrying-s3-client.ts'
import { startWorker } from '../../../../src/worker/run-queue.ts'
import {
  callDocuments,
  type ProblemBody,
  uploadDocument,
  uploadFile,
} from '../../../support/documents/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../../../support/service/fault-proxy.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { type FreshDatabase, freshMigratedDatabase } from '../../../support/database/fresh-database.ts'
import { makePerson, type Person } from '../../../support/people/people.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'
import { untilWaitedFor } from '../../../support/database/until-waited-for.ts'

let bucket: FreshBucket
let database: FreshDatabase
let s3: FaultProxy
let postgres: FaultProxy
let onS3: TestService
let onDisk: TestService
beforeAll(async () => {
  bucket = await freshBucket()
  s3 = await proxyTo(bucket.s3.endpoint)
  onS3 = await startService({ ...s3Settings(bucket, `http://127.0.0.1:${s3.port}`), S3_FALLBACK: 'off' })
  database = await freshMigratedDatabase()
  postgres = await proxyTo(database.url)
  const proxied = Object.assign(new URL(database.url), { hostname: '127.0.0.1', port: String(postgres.port) })
  onDisk = await startService({ DATABASE_URL: proxied.href })
})
afterAll(async () => {
  await onS3.stop()
  await onDisk.stop()
  await Promise.all([s3.close(), postgres.close()])
  await database.drop()
  await bucket.remove()
})

function proxyTo(address: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(address)
  return startFaultProxy({ host: hostname, port: Number(port) })
}

/** Internal words that no answer may contain. */
function insideWords(service: TestService): string[] {
  return [
    bucket.name,
    database.name,
    service.folder,
    service.app.config.database.kind === 'external' ? new URL(service.app.config.database.url).host : service.folder,
    String(s3.port),
    'security_firms/',
    'uploads/',
    'node_modules',
    'file://',
    '.ts:',
    'at async',
    'Error:',
    'ECONN',
    'ENOENT',
    'AccessDenied',
    'NoSuchBucket',
    'SignatureDoesNotMatch',
    'amz',
    'AWS',
    'SDK',
    'select ',
    'insert into',
    'document_versions',
    'firm_documents',
    'relation',
    'pg_',
    'postgres',
    'kysely',
    'Connection terminated',
  ]
}

/** The answer has a prepared sentence and an id, and the log has the cause under that id. */
async function expectTellsNothing(
  service: TestService,
  answer: Response,
  expected: { status: number; code: string; cause: RegExp },
): Promise<void> {
  const text = await answer.text()
  const problem = JSON.parse(text) as ProblemBody
  const headers = JSON.stringify([...answer.headers])

  expect([answer.status, problem.code]).toEqual([expected.status, expected.code])
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(problem.request_id).toBe(answer.headers.get('x-request-id'))
  expect(problem.detail).toMatch(/^[A-Z].{10,}\.$/)
  for (const word of insideWords(service)) expect(`${text}${headers}`.toLowerCase()).not.toContain(word.toLowerCase())

  const logged = service.logLines.filter(
    (line) => (JSON.parse(line) as { request_id?: string }).request_id === problem.request_id,
  )
  expect(logged.join('')).toMatch(expected.cause)
}

async function firmWithDocument(service: TestService): Promise<{ firm: string; admin: Person; id: string }> {
  const { firm, admin } = await firmWithAdmin(service)
  return { firm, admin, id: (await uploadDocument(service.url, firm, admin)).id }
}

/** With a separate client, like the store of heads. */
async function failAtS3(): Promise<void> {
  const config = { ...onS3.app.config.s3, bucket: `none-${bucket.name}`, endpoint: bucket.s3.endpoint }
  const client = openS3Client({ config, log: { warn: () => undefined } })
  try {
    await client.send(new ListObjectsV2Command({ Bucket: config.bucket }))
  } finally {
    client.destroy()
  }
}

describeCheck(34, () => {
  describe('S3 is', () => {
    it.each([
      ['out of reach', { kind: 'refuse' } as const],
      ['cut off within the request', { kind: 'cut_up', afterBytes: 200 } as const],
    ])('%s: the uploader gets “the store cannot be reached” and Retry-After', async (_how, fault) => {
      const { firm, admin } = await firmWithAdmin(onS3)
      s3.setFault(fault)
      await s3.cutAll()
      const answer = await uploadFile(onS3.url, firm, admin)
      s3.setFault({ kind: 'none' })
      await s3.cutAll()
      await expect.poll(() => onS3.app.stores.s3?.outage(), { timeout: 30_000 }).toBeUndefined()

      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      await expectTellsNothing(onS3, answer, {
        status: 503,
        code: 'store_unavailable',
        cause: /ECONN|socket hang up|EPIPE/,
      })
    })

    it.each([
      ['without the bucket', { AWS_S3_BUCKET: `none-${crypto.randomUUID()}` }, /NoSuchBucket|AccessDenied/],
      [
        'set up with a wrong secret',
        { AWS_SECRET_ACCESS_KEY: 'another-secret-than-the-one-of-the-key' },
        /SignatureDoesNotMatch/,
      ],
      ['set up with an unknown key', { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7NOTHERE' }, /InvalidAccessKeyId/],
    ])('%s: the uploader only gets “the store cannot be reached”', async (_how, settings, cause) => {
      const service = await startService({ ...s3Settings(bucket), S3_FALLBACK: 'off', ...settings })
      const { firm, admin } = await firmWithAdmin(service)

      const answer = await uploadFile(service.url, firm, admin)

      expect(answer.status).toBe(503)
      await expectTellsNothing(service, answer, { status: 503, code: 'store_unavailable', cause })
      await service.stop()
    })
  })

  it('a missing uploads folder: neither upload nor download reveals its path', async () => {
    const { firm, admin, id } = await firmWithDocument(onDisk)
    await rename(`${onDisk.folder}/uploads`, `${onDisk.folder}/away`)
    const download = await callDocuments(onDisk.url, firm, admin, `/${id}/download`)
    const upload = await uploadFile(onDisk.url, firm, admin)
    await rename(`${onDisk.folder}/away`, `${onDisk.folder}/uploads`)

    const expected = { status: 503, code: 'store_unavailable', cause: /ENOENT|local store/ }
    await expectTellsNothing(onDisk, download, expected)
    await expectTellsNothing(onDisk, upload, expected)
    expect((await callDocuments(onDisk.url, firm, admin, `/${id}/download`)).status).toBe(200)
  })

  it.each<[string, string, () => Promise<unknown>]>([
    ['the SDK of S3', 'purge', () => failAtS3()],
    ['the file system', 'hold-objects', () => readFile(`${onDisk.folder}/uploads/security_firms/none`)],
    ['the database', 'sum-up-firms', () => sql`select from document_versions_of_before`.execute(onDisk.app.db)],
    [
      'nobody foresaw',
      'verify-sample',
      () => Promise.reject(new Error(`node_modules/kysely of ${onDisk.folder}: AccessDenied`)),
    ],
  ])(
    'a job that failed by what %s said: the status says so in our words, and the log has the rest',
    async (_who, name, fail) => {
      const job = { name, description: 'Fails.', schedule: '0 0 1 1 *', run: () => fail().then(() => ({})) }
      const failed = () => onDisk.logLines.filter((line) => line.includes('"job_failed"')).length
      const before = failed()
      const worker = await startWorker(onDisk.app, [job])
      await expect.poll(failed).toBeGreaterThan(before)
      await worker.close()

      const { headers } = await makePerson(onDisk.app, { role: 'admin' })
      const status = (await (await fetch(`${onDisk.url}/api/v1/admin/status`, { headers })).json()) as StatusShape
      const shown = status.jobs.find((each) => each.name === name)?.last_error ?? ''
      expect(shown).toMatch(/^[A-Z].{10,}\.$/)
      for (const word of insideWords(onDisk)) expect(shown.toLowerCase()).not.toContain(word.toLowerCase())
    },
  )

  describe('the database is', () => {
    type Ask = (place: { firm: string; admin: Person; id: string }) => Promise<Response>
    const asks: [string, Ask][] = [
      ['upload', ({ firm, admin }) => uploadFile(onDisk.url, firm, admin)],
      ['list', ({ firm, admin }) => callDocuments(onDisk.url, firm, admin)],
      ['view', ({ firm, admin, id }) => callDocuments(onDisk.url, firm, admin, `/${id}`)],
      ['download', ({ firm, admin, id }) => callDocuments(onDisk.url, firm, admin, `/${id}/download`)],
      ['trail', ({ firm, admin, id }) => callDocuments(onDisk.url, firm, admin, `/${id}/events`)],
      ['me', ({ admin }) => fetch(`${onDisk.url}/api/v1/auth/me`, { headers: admin.headers })],
      ['firms', ({ admin }) => fetch(`${onDisk.url}/api/v1/security-firms`, { headers: admin.headers })],
      ['types', ({ admin }) => fetch(`${onDisk.url}/api/v1/document-types`, { headers: admin.headers })],
      [
        'login',
        () =>
          fetch(`${onDisk.url}/api/v1/auth/login`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ email: 'thandi@people.example', password: 'correct horse battery' }),
          }),
      ],
    ]

    it.each(asks)('unreachable: %s answers 503 without details, and works again afterwards', async (_what, ask) => {
      const place = await firmWithDocument(onDisk)
      postgres.setFault({ kind: 'refuse' })
      await postgres.cutAll()
      const answer = await ask(place)
      postgres.setFault({ kind: 'none' })
      await postgres.cutAll()

      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      await expectTellsNothing(onDisk, answer, {
        status: 503,
        code: 'store_unavailable',
        cause: /ECONN|terminated|57P01|EPIPE/,
      })
      const again = await ask(place)
      await again.arrayBuffer()
      expect(again.status).toBeLessThan(500)
    })

    it('restarted by its operator: its connections end, and the next request is answered', async () => {
      const { firm, admin } = await firmWithDocument(onDisk)
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
        onDisk.app.db,
      )

      const answer = await callDocuments(onDisk.url, firm, admin)

      expect([200, 503]).toContain(answer.status)
      expect(await answer.text()).not.toContain('terminat')
      // A broken connection may still count as good, and fail the next request too.
      await expect.poll(async () => (await callDocuments(onDisk.url, firm, admin)).status).toBe(200)
    })

    it('lost during a statement: 503, and the request can be repeated', async () => {
      const { firm, admin, id } = await firmWithDocument(onDisk)
      // Without the proxy, so that only the service loses its connections.
      const beside = new Client({ connectionString: database.url })
      await beside.connect()
      await beside.query('begin; lock table document_versions in access exclusive mode')

      const asked = callDocuments(onDisk.url, firm, admin, `/${id}`)
      await untilWaitedFor(beside)
      await postgres.cutAll()
      const answer = await asked
      await beside.end()

      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      await expectTellsNothing(onDisk, answer, { status: 503, code: 'store_unavailable', cause: /ECONN|terminated/ })
      expect((await callDocuments(onDisk.url, firm, admin, `/${id}`)).status).toBe(200)
    })

    it('of another schema version: 500 with an id, and the cause only in the log', async () => {
      const { firm, admin, id } = await firmWithDocument(onDisk)
      await sql`alter table document_versions rename to renamed`.execute(onDisk.app.db)
      const answer = await callDocuments(onDisk.url, firm, admin, `/${id}`)
      await sql`alter table renamed rename to document_versions`.execute(onDisk.app.db)

      expect(answer.status).toBe(500)
      await expectTellsNothing(onDisk, answer, {
        status: 500,
        code: 'internal',
        cause: /document_versions.*does not exist/,
      })
    })
  })
})
