import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { countStatements } from '../support/database/count-statements.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

/** An hour's permits come in batches of a twentieth. */
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

it('an upload asks the database twice, its quota and its rate included', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const send = () => uploadDocument(scene.service.url, firm, admin)
  await send()

  expect(await statementsOf(send)).toBe(2)
})

it('an upload for which there is no room asks twice: may they, and for the audit trail', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { url, app } = scene.service
  await uploadDocument(url, firm, admin)
  await sql`insert into document_quotas (firm_id, max_documents) values (${firm}, 1)`.execute(app.db)
  const send = async () => expect((await uploadFile(url, firm, admin)).status).toBe(429)

  expect(await statementsOf(send)).toBe(2)
})

it('a download asks once, and once more for each batch of permits', async () => {
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
