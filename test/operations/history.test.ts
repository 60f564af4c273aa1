import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, test } from 'vitest'

import { buildApi } from '../../src/bin/api.ts'
import type { HistoryShape } from '../../src/contract/operations.ts'
import { addErrors, recordHistory } from '../../src/database/work/hourly-history.ts'
import { defaultMaxSilenceSeconds } from '../../src/http/connection/limit-connections.ts'
import { everyJob } from '../../src/worker/jobs.ts'
import { startWorker } from '../../src/worker/run-queue.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson } from '../support/people/people.ts'
import { serviceOfTwoRoles } from './two-roles-scene.ts'

const scene = serviceOfTwoRoles()

const never = new AbortController().signal
const ask = (headers: Record<string, string>) => fetch(`${scene.service.url}/api/v1/admin/history`, { headers })

async function seeHours(): Promise<HistoryShape['hours']> {
  const answer = await ask(scene.administrator.headers)
  expect(answer.status).toBe(200)
  return ((await answer.json()) as HistoryShape).hours
}

const sumOf = (hours: HistoryShape['hours'], name: 'uploads' | 'upload_bytes' | 'errors') =>
  hours.reduce((sum, hour) => sum + hour[name], 0)

test('only administrators read it', async () => {
  const nobody = await ask({})
  const somebody = await ask((await makePerson(scene.service.app)).headers)

  expect([nobody.status, somebody.status]).toEqual([401, 403])
})

test('the job counts uploads, new versions, their bytes and what is stored; a second run changes nothing', async () => {
  const firm = await makeFirm(scene.service.app)
  const member = await makeMember(scene.service.app, firm)
  const first = await uploadDocument(scene.service.url, firm, member, { bytes: makePdf({ bytes: 3000 }) })
  await uploadDocument(scene.service.url, firm, member, { bytes: makePdf({ bytes: 5000 }) })
  const worker = await startWorker(
    scene.service.app,
    everyJob.filter(({ name }) => name === 'record-history'),
  )
  await expect.poll(async () => sumOf(await seeHours(), 'uploads'), { interval: 200 }).toBe(2)
  await worker.close()
  const hours = await seeHours()

  expect(first.file_size).toBe(3000)
  expect(sumOf(hours, 'upload_bytes')).toBe(8000)
  expect(hours.at(-1)).toMatchObject({ stored_bytes: 8000, fallback_files: 0 })
  expect(hours.length).toBe(30 * 24 + 1)
  await recordHistory(scene.service.app.db, never)
  expect(await seeHours()).toEqual(hours)
})

test('hours are in order, in UTC, and those of more than 30 days ago are deleted', async () => {
  await sql`
    insert into document_history (hour, uploads, counted_at)
    values (date_trunc('hour', now(), 'UTC') - interval '31 days', 7, now())`.execute(scene.service.app.db)
  const { deleted } = await recordHistory(scene.service.app.db, never)
  const hours = await seeHours()
  const times = hours.map(({ hour }) => Date.parse(hour))

  expect(deleted).toBeGreaterThanOrEqual(1)
  expect(sumOf(hours, 'uploads')).toBe(2)
  expect(times).toEqual(times.toSorted((one, other) => one - other))
  expect(times.filter((time) => time % 3_600_000 !== 0)).toEqual([])
})

test('hours in which no worker ran are counted later, and final hours are not counted again', async () => {
  await sql`delete from document_history where hour > now() - interval '5 hours'`.execute(scene.service.app.db)
  const { counted } = await recordHistory(scene.service.app.db, never)
  await sql`update document_history set uploads = 40 where hour = (select min(hour) from document_history)`.execute(
    scene.service.app.db,
  )
  await recordHistory(scene.service.app.db, never)
  const hours = await seeHours()

  expect(counted).toBeGreaterThanOrEqual(5)
  expect(counted).toBeLessThan(24)
  expect(hours[0]?.uploads).toBe(40)
  expect(hours.at(-1)?.uploads ?? 0).toBe(2)
})

test('instances add their errors to the same hour, and a count of uploads leaves them', async () => {
  const before = sumOf(await seeHours(), 'errors')
  await Promise.all([addErrors(scene.service.app.db, 2), addErrors(scene.service.app.db, 3)])
  await recordHistory(scene.service.app.db, never)

  expect(sumOf(await seeHours(), 'errors') - before).toBe(5)
})

test('an answer with 500 is in the history once its instance has stopped', async () => {
  const before = sumOf(await seeHours(), 'errors')
  const other = await buildApi(scene.service.app, { maxSilenceSeconds: defaultMaxSilenceSeconds })
  const denied = await other.inject({ url: '/api/v1/admin/history' })
  const owner = new Client({ connectionString: scene.database.settings.DATABASE_OWNER_URL })
  await owner.connect()
  await owner.query('alter table document_history rename to document_history_away')
  const failed = await other.inject({ url: '/api/v1/admin/history', headers: scene.administrator.headers })
  await owner.query('alter table document_history_away rename to document_history')
  await owner.end()
  await other.close()

  expect([denied.statusCode, failed.statusCode]).toEqual([401, 500])
  expect(sumOf(await seeHours(), 'errors') - before).toBe(1)
})
