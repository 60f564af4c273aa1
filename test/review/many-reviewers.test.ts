import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { later, openWithClock } from '../people/call-people.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { seedDocumentsOf } from '../support/documents/seed-documents.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { claimOldest } from '../../src/database/review/review-queue.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { claimNext, makeReviewer, queueOf } from './review-scene.ts'

const documents = 500
const reviewers = 10
const vanishing = 3

const scene = sceneOfFile(async (closing) => {
  const opened = await openWithClock(closing)
  return { ...opened, ...(await firmWithAdmin(opened.service)) }
})

async function seed(count: number): Promise<string[]> {
  const sizes = Array.from({ length: count }, () => 700)
  const seeded = await seedDocumentsOf(scene.service, scene, sizes)
  return seeded.map(({ id }) => id)
}

type Decided = { id: string; by: string; status: string }

const decisions = [{ decision: 'verify' }, { decision: 'reject', reason_code: 'unreadable' }]

/** Claims and decides until nothing is left to claim. */
async function reviewAll(reviewer: Person): Promise<Decided[]> {
  const decided: Decided[] = []
  for (;;) {
    const { status, body, etag } = await claimNext(scene.url, reviewer)
    if (status === 204) return decided
    expect(status).toBe(200)
    const { id } = body.document
    const answer = await decide(reviewer, id, etag, decisions[decided.length % 2])
    expect(answer.status).toBe(200)
    decided.push({ id, by: reviewer.id, status: answer.body.review_status })
  }
}

async function decide(reviewer: Person, id: string, etag: string | null, body: unknown) {
  const answer = await callDocuments(scene.url, scene.firm, reviewer, `/${id}/review`, {
    method: 'PUT',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'if-match': etag ?? '' },
  })
  const { status, headers } = answer
  return { status, etag: headers.get('etag'), body: (await answer.json()) as DocumentShape }
}

it('10 reviewers decide on 500 documents at once: each once, and those of reviewers who vanish after their claims expire', async () => {
  const { app } = scene.service
  const ids = await seed(documents)
  const working = await Promise.all(Array.from({ length: reviewers }, () => makeReviewer(app)))
  const vanished = await Promise.all(Array.from({ length: vanishing }, () => makeReviewer(app)))
  const left = await Promise.all(vanished.map((person) => claimNext(scene.url, person)))

  const decided = (await Promise.all(working.map(reviewAll))).flat()
  expect(decided).toHaveLength(documents - vanishing)
  scene.clock.now = later(scene.clock.now, 600)
  const rest = (await Promise.all(working.map(reviewAll))).flat()

  expect(rest.map(({ id }) => id).toSorted()).toEqual(left.map(({ body }) => body.document.id).toSorted())
  const all = [...decided, ...rest]
  expect(all.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  expect(new Set(decided.map(({ by }) => by)).size).toBe(reviewers)
  const { rows } = await sql<Decided>`
    select document_id as id, reviewed_by as by, review_status as status from document_versions`.execute(app.db)
  const byId = (list: Decided[]) => list.toSorted((a, b) => a.id.localeCompare(b.id))
  expect(byId(rows)).toEqual(byId(all))
  const { rows: events } = await sql`
    select document_id from document_events where action = 'document.reviewed' and outcome = 'ok'
    group by document_id having count(*) = 1`.execute(app.db)
  expect(events).toHaveLength(documents)
  const { rows: queued } = await sql`select from document_review_queue`.execute(app.db)
  expect(queued).toEqual([])
})

it('a decision is changed within a minute: both are in the history, and the queue has the document no more', async () => {
  const { app } = scene.service
  const [id = ''] = await seed(1)
  const reviewer = await makeReviewer(app)
  const { body, etag } = await claimNext(scene.url, reviewer)
  expect(body.document.id).toBe(id)
  const first = await decide(reviewer, id, etag, { decision: 'verify' })
  scene.clock.now = later(scene.clock.now, 30)

  const change = { decision: 'reject', reason_code: 'unreadable', comment: 'The wrong button.' }
  const changed = await decide(reviewer, id, first.etag, change)

  const decided = { review_status: 'rejected', review_reason: 'unreadable', review_comment: 'The wrong button.' }
  expect(changed).toMatchObject({ status: 200, body: decided })
  const read = await callDocuments(scene.url, scene.firm, scene.admin, `/${id}`)
  expect(await read.json()).toMatchObject(decided)
  expect(await queueOf(scene.url, reviewer)).toEqual([])
  const history = await callDocuments(scene.url, scene.firm, scene.admin, `/${id}/events`)
  const events = (await history.json()) as { action: string; details: { decision?: string } }[]
  expect(events.filter(({ action }) => action === 'document.reviewed').map(({ details }) => details.decision)).toEqual([
    'rejected',
    'verified',
  ])
})

it('a review waits for a claim that is being made, and is then 409', async () => {
  const { db } = scene.service.app
  const [reviewer, administrator] = [
    await makeReviewer(scene.service.app),
    await makePerson(scene.service.app, { role: 'admin' }),
  ]
  const [id = ''] = await seed(1)
  const seen = await callDocuments(scene.url, scene.firm, administrator, `/${id}`)
  await seen.body?.cancel()
  const now = scene.clock.now
  const reader = { userId: reviewer.id, hasScanner: false }
  const filter = { documentType: undefined, firmId: undefined }
  const reviewing = await db.transaction().execute(async (trx) => {
    await claimOldest(trx, reader, { now, until: later(now, 600), filter })
    const review = decide(administrator, id, seen.headers.get('etag'), { decision: 'verify' })
    await waitUntilWaiting(db)
    return { review }
  })

  expect((await reviewing.review).status).toBe(409)
  expect(await queueOf(scene.url, administrator)).toMatchObject([{ document: { id }, claimed_by: { id: reviewer.id } }])
  await sql`delete from document_review_queue`.execute(db)
})

it('of a claim and a review at once, neither is lost: who claims first decides', async () => {
  const { app } = scene.service
  const administrator = await makePerson(app, { role: 'admin' })
  const reviewer = await makeReviewer(app)
  for (let count = 0; count < 20; count += 1) {
    const [id = ''] = await seed(1)
    const seen = await callDocuments(scene.url, scene.firm, administrator, `/${id}`)
    await seen.body?.cancel()
    const [claim, review] = await Promise.all([
      claimNext(scene.url, reviewer),
      decide(administrator, id, seen.headers.get('etag'), { decision: 'verify' }),
    ])
    const isClaimed = claim.status === 200
    expect(review.status).toBe(isClaimed ? 409 : 200)
    if (isClaimed) await decide(reviewer, id, claim.etag, { decision: 'verify' })
  }
})
