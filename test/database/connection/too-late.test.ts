import { sql } from 'kysely'
import { Client } from 'pg'
import { pino } from 'pino'
import { expect, it } from 'vitest'

import { openDatabase } from '../../../src/database/connection/client.ts'
import { appErrorOf } from '../../../src/http/errors/database-fault-answers.ts'
import { callDocuments, problemOf, uploadDocument } from '../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'
import { waitingForThis } from '../../support/database/until-waited-for.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  closing.defer(() => service.stop())
  const impatient = { connectionString: database.url, lock_timeout: 50, statement_timeout: 500 }
  const { db } = openDatabase(impatient, pino({ level: 'silent' }))
  closing.defer(() => db.destroy())
  const beside = new Client({ connectionString: database.url })
  await beside.connect()
  closing.defer(() => beside.end())
  return { service, db, beside }
})

it.each([
  ['behind a lock', () => sql`select from document_versions`],
  ['at a statement', () => sql`select pg_sleep(10)`],
])('a database that makes a request wait too long %s is busy, and Retry-After is sent', async (_what, ask) => {
  await scene.beside.query('begin; lock table document_versions in access exclusive mode')
  const failure: unknown = await ask()
    .execute(scene.db)
    .then(
      () => undefined,
      (error: unknown) => error,
    )
  await scene.beside.query('rollback')

  const answer = appErrorOf(failure)
  expect(answer).toMatchObject({ code: 'store_unavailable', retryAfterSeconds: 5 })
  expect(answer?.message).toContain('busy')
})

it('a request whose statement times out gets 503, not 500, and succeeds when repeated', async () => {
  const { service, beside } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  await beside.query('begin; lock table document_versions in access exclusive mode')
  const asking = callDocuments(service.url, firm, admin, `/${id}`)
  // The server's own timeout does this.
  const cancel = `select pg_cancel_backend(pid) from (${waitingForThis}) waiting`
  await expect.poll(async () => (await beside.query(cancel)).rowCount).toBe(1)
  const answer = await asking
  await beside.query('rollback')

  expect(answer.status).toBe(503)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await problemOf(answer)).toMatchObject({ code: 'store_unavailable' })
  expect((await callDocuments(service.url, firm, admin, `/${id}`)).status).toBe(200)
})
