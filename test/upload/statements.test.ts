import { setTimeout as sleep } from 'node:timers/promises'

import { Client } from 'pg'
import { expect, test } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { countStatements } from '../support/database/count-statements.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { serveAfterWrite } from '../support/service/serve-after-write.ts'
import { startService } from '../support/service/start-service.ts'

const atOnce = 32

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  closing.defer(() => service.stop())
  const locker = new Client({ connectionString: database.url })
  await locker.connect()
  closing.defer(() => locker.end())
  return { service, locker, ...(await firmWithAdmin(service)) }
})

/** Sends this number of requests, and makes statements on this table wait until all have arrived. */
async function sendTogether(table: string, send: () => Promise<Response>): Promise<number[]> {
  const { locker, service } = scene
  await locker.query(`begin; lock table ${table} in exclusive mode`)
  const answers = Array.from({ length: atOnce }, send)
  const underWay = async () => (await service.app.metrics.requestsInProgress.get()).values[0]?.value
  await expect.poll(underWay).toBe(atOnce)
  await sleep(300) // the last request needs this time to reach its statement
  await locker.query('rollback')
  return (await Promise.all(answers)).map(({ status }) => status)
}

const upload = (url: string) => uploadFile(url, scene.firm, scene.admin, { bytes: makePdf({ bytes: 5000 }) })

test('32 links at once take at most four statements', async () => {
  const { service, firm, admin } = scene
  const { id } = await uploadDocument(service.url, firm, admin)
  let statuses: number[] = []

  const statements = await countStatements(scene.service.app, async () => {
    statuses = await sendTogether('document_events', () => callDocuments(service.url, firm, admin, `/${id}/download`))
  })

  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(statements).toBeLessThanOrEqual(4)
})

test('32 uploads at once take at most ten statements', async () => {
  const { promise: allWritten, resolve: tellAllWritten } = Promise.withResolvers<void>()
  let written = 0
  const url = await serveAfterWrite(scene.service, async () => {
    written += 1
    if (written === atOnce) tellAllWritten()
    await allWritten
  })
  let statuses: number[] = []

  const statements = await countStatements(scene.service.app, async () => {
    statuses = await sendTogether('document_blobs', () => upload(url))
  })

  expect(new Set(statuses)).toEqual(new Set([201]))
  expect(statements).toBeLessThanOrEqual(10)
})
