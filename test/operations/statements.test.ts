import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { countStatements } from '../support/database/count-statements.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

/** The calls of an hour are leased in batches of a twentieth. */
const perHour = 400
const credit = 20
const batch = 20

const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const limits = { UPLOADS_PER_PERSON: String(perHour), DOWNLOADS_PER_PERSON: String(perHour) }
  const service = await startService({ ...s3Settings(bucket), ...limits })
  closing.defer(() => service.stop())
  return { service }
})

const statementsOf = (work: () => Promise<unknown>) => countStatements(scene.service.app, work)

it('an upload makes two statements, including quota and rate limit', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const send = () => uploadDocument(scene.service.url, firm, admin)
  await send()

  expect(await statementsOf(send)).toBe(2)
})

it('an upload beyond the quota makes two statements: the check and the audit event', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { url, app } = scene.service
  await uploadDocument(url, firm, admin)
  await sql`insert into document_quotas (firm_id, max_documents) values (${firm}, 1)`.execute(app.db)
  const send = async () => expect((await uploadFile(url, firm, admin)).status).toBe(429)

  expect(await statementsOf(send)).toBe(2)
})

it('a download makes one statement, and one more for each lease of calls', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { url } = scene.service
  const { id } = await uploadDocument(url, firm, admin)
  const download = async () => {
    const answer = await callDocuments(url, firm, admin, `/${id}/download`)
    expect(answer.status).toBe(302)
  }
  const downloads = async (times: number) => {
    for (let count = 0; count < times; count += 1) await download()
  }

  expect(await statementsOf(() => downloads(credit))).toBe(credit)
  expect(await statementsOf(() => downloads(batch + credit))).toBe(batch + credit + 1)
})

it('the statements of uploads and downloads are planned once, not at every call', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { url, app } = scene.service
  for (let count = 0; count < 8; count += 1) {
    const { id } = await uploadDocument(url, firm, admin)
    await callDocuments(url, firm, admin, `/${id}/download`)
  }

  // One request after the other uses one connection. PostgreSQL decides after five calls.
  const { rows } = await sql<{ replanned: boolean }>`
    select custom_plans > 5 as replanned from pg_prepared_statements
    where statement like '%with asked as materialized%' and generic_plans + custom_plans > 6`.execute(app.db)
  expect(rows.length).toBeGreaterThanOrEqual(3)
  expect(rows.filter(({ replanned }) => replanned)).toEqual([])
})
