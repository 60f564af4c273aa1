import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { makePerson } from '../support/people/people.ts'
import { callUploads } from './call-uploads.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles } from '../support/database/two-roles.ts'
import { readMetrics } from '../metrics/read-metrics.ts'

// As in production, the service's role owns nothing, so the metrics need all their grants.
const scene = sceneOfFile(async (closing) => {
  const database = await freshDatabaseOfTwoRoles()
  closing.defer(() => database.remove())
  const service = await startService(database.settings)
  closing.defer(() => service.stop())
  const { firm, admin } = await firmWithAdmin(service)
  return { service, uploads: callUploads({ url: service.url, firm, person: admin }) }
})

async function figures() {
  const metrics = await readMetrics(scene.service.url)
  return {
    count: metrics.valueOf('paniq_documents_unfinished_uploads'),
    reservedBytes: metrics.valueOf('paniq_documents_unfinished_uploads_reserved_bytes'),
    oldestSeconds: metrics.valueOf('paniq_documents_unfinished_uploads_oldest_seconds'),
  }
}

test('unfinished resumable uploads show their number, reserved room and age, here and in the status, until they end', async () => {
  const { service, uploads } = scene
  const nothing = { count: 0, reservedBytes: 0, oldestSeconds: 0 }
  await expect.poll(figures, { interval: 200 }).toEqual(nothing)

  const older = await uploads.beginAt(5_000_000)
  await sql`update document_uploads set created_at = now() - interval '2 hours'`.execute(service.app.db)
  const piece = makePdf({ bytes: 3000 })
  const newer = await uploads.beginAt(4000, { piece })
  expect((await uploads.begin(piece.length, { piece })).headers.get('content-location')).not.toBeNull()
  const rejected = await uploads.begin(4, { piece: Buffer.from('text') })
  expect(rejected.status).toBe(415)

  await expect.poll(figures, { interval: 200 }).toMatchObject({ count: 2, reservedBytes: 5_004_000 })
  const { oldestSeconds } = await figures()
  expect(oldestSeconds).toBeGreaterThanOrEqual(7200)
  const { headers } = await makePerson(service.app, { role: 'admin' })
  const status = await fetch(`${service.url}/api/v1/admin/status`, { headers })
  expect(await status.json()).toMatchObject({
    stores: { resumable_uploads: { count: 2, reserved_bytes: 5_004_000, oldest_seconds: expect.any(Number) } },
  })

  for (const address of [older, newer]) expect((await uploads.terminate(address)).status).toBe(204)
  await expect.poll(figures, { interval: 200 }).toEqual(nothing)
})
