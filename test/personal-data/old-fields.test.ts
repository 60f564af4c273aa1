import { expect, it } from 'vitest'

import { recordEvent } from '../../src/database/audit/events.ts'
import { eraseOldFields } from '../../src/people/personal-data/erase-old-fields.ts'
import { erasePersonalData } from '../../src/worker/jobs.ts'
import { findFaults, sealAll } from '../audit/sealed-trail.ts'
import { makePerson } from '../support/people/people.ts'
import { sessionRow } from '../support/people/session-row.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { findTraces } from './find-traces.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ AUDIT_PERSONAL_MONTHS: '3' })
  closing.defer(() => service.stop())
  return { service }
})

const never = new AbortController().signal
const visitor = { userId: null, ip: '203.0.113.9', userAgent: 'Old-Browser/1', requestId: 'a test' }
const day = 24 * 60 * 60 * 1000

async function writeEvents(count: number): Promise<void> {
  for (let number = 0; number < count; number += 1)
    await recordEvent(scene.service.app.db, visitor, { action: 'document.viewed', outcome: 'ok', details: { number } })
}

const tracesOfVisitor = () => findTraces(scene.service.app.ownerConnection, [visitor.ip, visitor.userAgent])

/** Three months after now, and some days. */
function inThreeMonths(days: number): () => Date {
  const at = new Date()
  at.setUTCMonth(at.getUTCMonth() + 3)
  return () => new Date(at.getTime() + days * day)
}

it('addresses and user agents go after the months of the setting, in batches, and the trail verifies', async () => {
  const { db } = scene.service.app
  await writeEvents(25)
  const { id } = await makePerson(scene.service.app)
  const ended = { ...sessionRow(id, new Date()), ip: visitor.ip, user_agent: visitor.userAgent, ended_at: new Date() }
  const open = { ...sessionRow(id, new Date()), ip: '192.0.2.55', expires_at: inThreeMonths(30)() }
  await db.insertInto('document_sessions').values([ended, open]).execute()
  await sealAll(db)
  const run = (days: number) =>
    eraseOldFields({ db, now: inThreeMonths(days) }, 3, never, { fieldsAtOnce: 10, maxBatches: 2 })

  const early = await run(-1)
  expect(early).toMatchObject({ erased_events: 0, erased_sessions: 0, complete: true })
  expect(await tracesOfVisitor()).not.toEqual([])
  const runs = [await run(1), await run(1), await run(1)]

  expect(runs.map(({ erased_events: events, complete }) => ({ events, complete }))).toEqual([
    { events: 20, complete: false },
    { events: 5, complete: true },
    { events: 0, complete: true },
  ])
  expect(runs.map(({ erased_sessions: sessions }) => sessions)).toEqual([1, 0, 0])
  expect(await tracesOfVisitor()).toEqual([])
  expect(await findTraces(scene.service.app.ownerConnection, ['192.0.2.55'])).toHaveLength(1)
  const { findings, verified } = await findFaults(db)
  expect(findings).toEqual([])
  expect(verified.erased).toBe(25)
})

it('an aborted run stops between two batches, and two runs at once delete everything once', async () => {
  const { db } = scene.service.app
  await writeEvents(30)
  const needs = { db, now: inThreeMonths(1) }
  const stopped = await eraseOldFields(needs, 3, AbortSignal.abort(), { fieldsAtOnce: 10, maxBatches: 9 })
  expect(stopped).toMatchObject({ erased_events: 0, complete: false })

  const runs = await Promise.all([1, 2].map(() => eraseOldFields(needs, 3, never, { fieldsAtOnce: 10, maxBatches: 9 })))
  expect(runs.reduce((sum, { erased_events: events }) => sum + events, 0)).toBe(30)
})

it('the job leaves younger events alone, and records how far it came', async () => {
  await writeEvents(1)
  const did = await erasePersonalData.run(scene.service.app, never)

  expect(did).toEqual({
    finished_erasures: 0,
    unfinished_erasures: 0,
    erased_events: 0,
    erased_sessions: 0,
    erased_before: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    complete: true,
  })
  expect(await tracesOfVisitor()).toHaveLength(2)
})
