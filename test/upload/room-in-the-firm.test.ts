import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { openFailingS3, blobsLeftOf } from '../support/fallback/failing-s3.ts'

const scene = sceneOfFile(async (closing) => {
  const s3 = await openFailingS3()
  closing.defer(() => s3.close())
  return { s3 }
})

it('a file that moved from a failed S3 to the disk counts once, and its bytes on S3 stay named', async () => {
  const { service } = scene.s3
  const { firm, admin } = await firmWithAdmin(service)
  const size = 100_000
  await sql`insert into document_quotas (firm_id, max_bytes) values (${firm}, ${2 * size})`.execute(service.app.db)
  await scene.s3.spoil({ kind: 'cut_up', afterBytes: 50_000 })
  const send = async () => {
    const answer = await uploadFile(service.url, firm, admin, { bytes: makePdf({ bytes: size }) })
    await answer.arrayBuffer()
    return answer.status
  }

  const statuses = [await send(), await send(), await send()]

  expect(statuses).toEqual([201, 201, 429])
  expect((await blobsLeftOf(service, firm)).length).toBeGreaterThan(0)
  await scene.s3.mend()
})
