import { sql } from 'kysely'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'

import { explainFailure } from '../../../src/cli/printing/explain-failure.ts'
import { everyJob } from '../../../src/worker/jobs.ts'
import { startWorker } from '../../../src/worker/run-queue.ts'
import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { deleteDocument, restoreDocument } from '../../support/documents/call-trash.ts'
import { startFaultProxy } from '../../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startPgBouncer } from '../../support/services/programs/pgbouncer.ts'
import { startService } from '../../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles } from '../../support/database/two-roles.ts'

describe.each([
  { name: 'that knows prepared statements', maxPreparedStatements: '200' },
  { name: 'that does not know prepared statements', maxPreparedStatements: '0' },
])('behind a transaction pooler $name', ({ maxPreparedStatements }) => {
  const scene = sceneOfFile(async (closing) => {
    const database = await freshDatabaseOfTwoRoles()
    closing.defer(() => database.remove())
    const { DATABASE_URL: direct } = database.settings
    const pooler = await startPgBouncer({
      urls: [direct],
      settings: { max_prepared_statements: maxPreparedStatements },
    })
    closing.defer(() => pooler.stop())
    const settings = { ...database.settings, DATABASE_URL: pooler.pooled(direct), DATABASE_DIRECT_URL: direct }
    const service = await startService(settings)
    closing.defer(() => service.stop())
    return { service }
  })

  test('many documents are uploaded, downloaded, deleted and restored at once', async () => {
    const { service } = scene
    const { firm, admin } = await firmWithAdmin(service)
    // Several rounds, so that the pooler runs the same statements in other sessions.
    const files = Array.from({ length: 60 }, (_, seed) => makePdf({ seed: `pooled ${seed}` }))

    const downloads = await Promise.all(
      files.map(async (bytes) => {
        const { id } = await uploadDocument(service.url, firm, admin, { bytes })
        expect((await deleteDocument(service.url, { firm, id }, admin)).status).toBe(204)
        expect((await restoreDocument(service.url, { firm, id }, admin)).status).toBe(200)
        const link = await callDocuments(service.url, firm, admin, `/${id}/download`)
        return Buffer.from(await (await fetch(link.headers.get('location') ?? link.url, admin)).arrayBuffer())
      }),
    )
    expect(downloads.every((bytes, each) => bytes.equals(files[each] ?? Buffer.alloc(0)))).toBe(true)
  })

  test('every job runs', async () => {
    const { app } = scene.service
    const jobs = everyJob.map((job) => ({ ...job, isDueAtStart: true }))
    const worker = await startWorker(app, jobs, { pollSeconds: 1 })
    const listSucceeded = async () => {
      const { rows } = await sql<{ task: string }>`
        select task from document_runs where succeeded_at is not null`.execute(app.db)
      return rows.map(({ task }) => task)
    }
    await expect.poll(listSucceeded).toEqual(expect.arrayContaining(everyJob.map(({ name }) => name)))
    await worker.close()
  })

  test('statements are prepared only if the pooler tracks them', async () => {
    const { service } = scene
    const names = new Set<string>()
    for (let each = 0; each < 20; each += 1) {
      const { rows } = await sql<{ name: string }>`select name from pg_prepared_statements`.execute(service.app.db)
      for (const { name } of rows) names.add(name)
    }
    const kinds = new Set([...names].map((name) => name.replace(/\d+$/, '')))
    expect(kinds).toEqual(new Set(maxPreparedStatements === '0' ? [] : ['PGBOUNCER_']))
  })
})

test('the start warns while the role behind the pooler has no time limits', async () => {
  await using closing = new AsyncDisposableStack()
  const database = await freshDatabaseOfTwoRoles()
  closing.defer(() => database.remove())
  const { DATABASE_URL: direct } = database.settings
  const warningsOfStart = async () => {
    const pooler = await startPgBouncer({ urls: [direct] })
    const service = await startService({
      ...database.settings,
      DATABASE_URL: pooler.pooled(direct),
      DATABASE_DIRECT_URL: direct,
    })
    await service.stop()
    await pooler.stop()
    return service.logLines.filter((line) => line.includes('"database_limits_missing"'))
  }

  expect(await warningsOfStart()).toHaveLength(1)

  await limitOwnRole(direct, {
    lock_timeout: '10s',
    statement_timeout: '30s',
    idle_in_transaction_session_timeout: '60s',
  })
  expect(await warningsOfStart()).toEqual([])
})

test('a pooler without DATABASE_DIRECT_URL stops the start with the setting to use', async () => {
  await using closing = new AsyncDisposableStack()
  const database = await freshDatabaseOfTwoRoles()
  closing.defer(() => database.remove())
  const pooler = await startPgBouncer({ urls: [database.settings.DATABASE_URL] })
  closing.defer(() => pooler.stop())

  const starting = startService({ ...database.settings, DATABASE_URL: pooler.pooled(database.settings.DATABASE_URL) })
  await expect(starting).rejects.toThrow('unsupported startup parameter')
})

/** Each opens a server that accepts connections and then does not answer. Returns its address. */
const silent: [what: string, open: (direct: string, closing: AsyncDisposableStack) => Promise<string>][] = [
  [
    'no login',
    async (direct, closing) => {
      const { hostname, port } = new URL(direct)
      const proxy = await startFaultProxy({ host: hostname, port: Number(port) })
      closing.defer(() => proxy.close())
      proxy.setFault({ kind: 'hang' })
      return Object.assign(new URL(direct), { port: String(proxy.port) }).href
    },
  ],
  [
    'no statement',
    async (direct, closing) => {
      const pooler = await startPgBouncer({ urls: [direct], settings: { admin_users: new URL(direct).username } })
      closing.defer(() => pooler.stop())
      const console = new Client({
        connectionString: Object.assign(new URL(pooler.pooled(direct)), { pathname: '/pgbouncer' }).href,
      })
      await console.connect()
      closing.defer(() => console.end())
      await console.query('pause')
      return pooler.pooled(direct)
    },
  ],
]

test.each(silent)('a pooler that answers %s ends the start with the fix', async (_what, open) => {
  await using closing = new AsyncDisposableStack()
  const database = await freshDatabaseOfTwoRoles()
  closing.defer(() => database.remove())
  const { DATABASE_URL: direct } = database.settings
  const settings = { ...database.settings, DATABASE_URL: await open(direct, closing), DATABASE_DIRECT_URL: direct }

  const starting = startService(settings, { database: { connectionTimeoutMillis: 500, query_timeout: 500 } })
  const failure: unknown = await starting.then(
    (service) => service.stop(),
    (error: unknown) => error,
  )

  expect(explainFailure(failure).message).toContain('Start PostgreSQL, or correct the address')
})

test('limits of the role that owns the tables do not end a migration', async () => {
  await using closing = new AsyncDisposableStack()
  const database = await freshDatabaseOfTwoRoles()
  closing.defer(() => database.remove())
  await limitOwnRole(database.settings.DATABASE_OWNER_URL, { statement_timeout: '1ms' })

  const service = await startService(database.settings)
  closing.defer(() => service.stop())
  expect(service.app.migrated).not.toEqual([])
})

async function limitOwnRole(url: string, limits: Record<string, string>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const database = new URL(url).pathname.slice(1)
  for (const [name, value] of Object.entries(limits))
    await client.query(`alter role current_user in database ${database} set ${name} = '${value}'`)
  await client.end()
}
