import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { ReviewQueueSummaryShape } from '../../src/contract/review.ts'
import { countDecisionsOfDay } from '../../src/database/review/count-decisions.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call, later, serveAt } from '../people/call-people.ts'
import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { addReviewer, claimNext, claimOne, makeReviewer, queueOf, release, reviewScene } from './review-scene.ts'

const scene = reviewScene()

const upload = (wish: Parameters<typeof uploadDocument>[3] = {}) =>
  uploadDocument(scene.service.url, scene.firm, scene.member, wish)
const idsOf = (waiting: { document: { id: string } }[]) => waiting.map(({ document }) => document.id)

it('reviewers get the oldest document first, and never the same one', async () => {
  const { url, app } = scene.service
  const [first, second] = [await upload(), await upload()]
  const [one, other] = [await makeReviewer(app), await makeReviewer(app)]

  const claims = await Promise.all([claimNext(url, one), claimNext(url, other)])

  expect(claims.map(({ status }) => status)).toEqual([200, 200])
  expect(new Set(idsOf(claims.map(({ body }) => body)))).toEqual(new Set([first.id, second.id]))
  expect(await queueOf(url, one)).toMatchObject([
    { document: { id: first.id, firm_id: scene.firm }, firm_name: 'Umkhonto Guarding' },
    { document: { id: second.id } },
  ])
  expect((await claimNext(url, await makeReviewer(app))).status).toBe(204)
})

it('a reviewer with a claim gets that document again, with new 10 minutes', async () => {
  const clock = await serveAt(scene.service.app)
  const reviewer = await makeReviewer(scene.service.app)
  const { id } = await upload()
  await upload()

  const first = await claimNext(clock.url, reviewer)
  clock.clock.now = later(clock.clock.now, 300)
  const [again, also] = await Promise.all([claimNext(clock.url, reviewer), claimNext(clock.url, reviewer)])

  expect(first.body).toMatchObject({ document: { id }, claimed_by: { id: reviewer.id, name: 'Thandi Nkosi' } })
  expect([again.body.document.id, also.body.document.id]).toEqual([id, id])
  expect(again.body.claimed_until).toBe(later(clock.clock.now, 600).toISOString())
  await clock.stop()
})

it('several calls at once of one reviewer claim one document', async () => {
  const { url, app } = scene.service
  for (let count = 0; count < 6; count += 1) await upload()
  const reviewer = await makeReviewer(app)

  const claims = await Promise.all(Array.from({ length: 5 }, () => claimNext(url, reviewer)))

  expect(new Set(idsOf(claims.map(({ body }) => body))).size).toBe(1)
  expect((await queueOf(url, reviewer)).filter(({ claimed_by: by }) => by !== null)).toHaveLength(1)
})

it('a claim ends after 10 minutes', async () => {
  const clock = await serveAt(scene.service.app)
  const [one, other] = [await makeReviewer(scene.service.app), await makeReviewer(scene.service.app)]
  const { id } = await upload()
  await claimNext(clock.url, one)

  clock.clock.now = later(clock.clock.now, 599)
  expect((await claimNext(clock.url, other)).status).toBe(204)
  clock.clock.now = later(clock.clock.now, 1)
  expect(await queueOf(clock.url, other)).toMatchObject([{ claimed_by: null, claimed_until: null }])
  expect((await claimNext(clock.url, other)).body).toMatchObject({ document: { id }, claimed_by: { id: other.id } })
  await clock.stop()
})

it('the queue has filters, pages, ages and counts', async () => {
  const { url, app } = scene.service
  const reviewer = await makeReviewer(app)
  const clock = await serveAt(app)
  const ids = [
    (await upload({ type: 'annual_return' })).id,
    (await upload()).id,
    (await upload({ type: 'annual_return' })).id,
  ]
  const another = await makeFirm(app)
  const elsewhere = await uploadDocument(url, another, await makeMember(app, another))

  expect(idsOf(await queueOf(url, reviewer))).toEqual([...ids, elsewhere.id])
  expect(idsOf(await queueOf(url, reviewer, '?document_type=annual_return'))).toEqual([ids[0], ids[2]])
  expect(idsOf(await queueOf(url, reviewer, `?firm_id=${another}`))).toEqual([elsewhere.id])
  expect(idsOf(await queueOf(url, reviewer, `?firm_id=${another}&document_type=annual_return`))).toEqual([])

  const page = await call(url, 'GET /review-queue?limit=3', { headers: reviewer.headers })
  const next = /<\/api\/v1([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1]
  expect(idsOf((await call(url, `GET ${next}`, { headers: reviewer.headers })).body as never)).toEqual([elsewhere.id])

  clock.clock.now = later(clock.clock.now, 600)
  const [oldest] = await queueOf(clock.url, reviewer)
  const { body } = await call(clock.url, 'GET /review-queue/summary', { headers: reviewer.headers })
  const summary = body as ReviewQueueSummaryShape
  expect(summary.waiting).toBe(4)
  expect(summary.by_type).toMatchObject([
    { document_type: 'annual_return', waiting: 2 },
    { document_type: 'registration_certificate', waiting: 2 },
  ])
  expect(summary.oldest_waiting_seconds).toBeGreaterThanOrEqual(599)
  expect(oldest?.waiting_seconds).toBeGreaterThanOrEqual(599)
  await clock.stop()
})

it('the summary counts what a reviewer decided since midnight in South Africa, each version once', async () => {
  const { app } = scene.service
  const clock = await serveAt(app)
  const [reviewer, other] = [await makeReviewer(app), await makeReviewer(app)]
  const [first, second, third] = [await upload(), await upload(), await upload()]
  await reviewDocument(clock.url, { firm: scene.firm, id: first.id }, reviewer, { decision: 'verify' })
  await reviewDocument(clock.url, { firm: scene.firm, id: first.id }, reviewer, {
    decision: 'reject',
    reason_code: 'unreadable',
    comment: 'Blurred.',
  })
  await reviewDocument(clock.url, { firm: scene.firm, id: second.id }, reviewer, { decision: 'verify' })
  await reviewDocument(clock.url, { firm: scene.firm, id: third.id }, other, { decision: 'verify' })
  const decidedBy = async ({ headers }: Person) =>
    ((await call(clock.url, 'GET /review-queue/summary', { headers })).body as ReviewQueueSummaryShape).decided_today

  expect(await decidedBy(reviewer)).toEqual({ verified: 1, rejected: 1 })
  expect(await decidedBy(other)).toEqual({ verified: 1, rejected: 0 })
  const tomorrow = later(clock.clock.now, 86_400)
  expect(await countDecisionsOfDay(app.db, reviewer.id, { now: tomorrow })).toEqual({ verified: 0, rejected: 0 })
  await clock.stop()
})

it('a claim has the filters of the queue', async () => {
  const { url, app } = scene.service
  await upload()
  const { id } = await upload({ type: 'annual_return' })

  const claim = await claimNext(url, await makeReviewer(app), { document_type: 'annual_return', firm_id: scene.firm })
  expect(claim.body.document.id).toBe(id)
  expect((await claimNext(url, await makeReviewer(app), { document_type: 'vat_certificate' })).status).toBe(204)
})

it('nobody gets a document of a firm that they belong to, belonged to, or their own upload', async () => {
  const { url, app } = scene.service
  const { id } = await upload()
  const [inside, suspended, left] = [scene.member, await makeReviewer(app), await makeReviewer(app)]
  await addReviewer(app, inside)
  await addMember(app, scene.firm, suspended, { status: 'suspended' })
  await app.db.insertInto('document_former_members').values({ firm_id: scene.firm, user_id: left.id }).execute()
  const uploader = await makeMember(app, scene.firm, 'firm_user')
  const own = await uploadDocument(url, scene.firm, uploader, { type: 'annual_return' })
  await app.db.deleteFrom('firm_users').where('user_id', '=', uploader.id).execute()
  await addReviewer(app, uploader)

  for (const person of [inside, suspended, left]) {
    expect(await queueOf(url, person)).toEqual([])
    expect((await claimNext(url, person)).status).toBe(204)
    expect(await claimOne(url, person, id)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const { body } = await call(url, 'GET /review-queue/summary', { headers: person.headers })
    expect(body).toEqual({
      waiting: 0,
      oldest_waiting_seconds: null,
      by_type: [],
      decided_today: { verified: 0, rejected: 0 },
    })
  }
  expect(idsOf(await queueOf(url, uploader))).toEqual([id])
  expect(await claimOne(url, uploader, own.id)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await claimNext(url, uploader)).body.document.id).toBe(id)
})

it('a document that another person has claimed can be neither claimed nor reviewed', async () => {
  const { url, app } = scene.service
  const [one, other] = [await makeReviewer(app), await makeReviewer(app)]
  const { id } = await upload()
  expect((await claimOne(url, one, id)).status).toBe(200)

  const claim = await claimOne(url, other, id)
  expect(claim).toMatchObject({ status: 409, body: { code: 'claimed' } })
  expect((claim.body as { detail: string }).detail).toContain('Thandi Nkosi')
  const review = await reviewDocument(url, { firm: scene.firm, id }, other, { decision: 'verify' })
  expect(review.status).toBe(409)
  expect(await review.json()).toMatchObject({ code: 'claimed' })

  expect((await reviewDocument(url, { firm: scene.firm, id }, one, { decision: 'verify' })).status).toBe(200)
  expect(await queueOf(url, one)).toEqual([])
  expect((await claimOne(url, one, id)).status).toBe(404)
})

it('a review needs no claim', async () => {
  const { url, app } = scene.service
  const { id } = await upload()
  expect(
    (await reviewDocument(url, { firm: scene.firm, id }, await makeReviewer(app), { decision: 'verify' })).status,
  ).toBe(200)
})

it('the ETag of a claim is enough for a review', async () => {
  const { url, app } = scene.service
  const reviewer = await makeReviewer(app)
  const { id } = await upload()
  const { etag } = await claimNext(url, reviewer)
  const review = await callDocuments(url, scene.firm, reviewer, `/${id}/review`, {
    method: 'PUT',
    body: JSON.stringify({ decision: 'reject', reason_code: 'unreadable' }),
    headers: { 'content-type': 'application/json', 'if-match': etag ?? '' },
  })
  expect(review.status).toBe(200)
  expect(await review.json()).toMatchObject({ review_status: 'rejected' })
})

it('only its person and administrators release a claim', async () => {
  const { url, app } = scene.service
  const [one, other] = [await makeReviewer(app), await makeReviewer(app)]
  const administrator = await makePerson(app, { role: 'admin' })
  const { id } = await upload()

  await claimNext(url, one)
  expect(await release(url, other, id)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await release(url, one, id)).status).toBe(204)
  expect((await release(url, one, id)).status).toBe(404)
  await claimNext(url, other)
  expect((await release(url, administrator, id)).status).toBe(204)
  expect((await claimNext(url, one)).body.document.id).toBe(id)
})

it('a document waits from its first servable version to its decision, also through trash and new versions', async () => {
  const { url, app } = scene.service
  const reviewer = await makeReviewer(app)
  const { id } = await upload()
  const waits = async () => idsOf(await queueOf(url, reviewer)).includes(id)
  const change = (path: string, method: string) => callDocuments(url, scene.firm, scene.member, path, { method })

  expect((await change(`/${id}`, 'DELETE')).status).toBe(204)
  expect(await waits()).toBe(false)
  expect((await change(`/${id}/restore`, 'POST')).status).toBe(200)
  expect(await waits()).toBe(true)
  await reviewDocument(url, { firm: scene.firm, id }, reviewer, { decision: 'reject', reason_code: 'unreadable' })
  expect(await waits()).toBe(false)
  expect((await change(`/${id}/versions/1/restore`, 'POST')).status).toBe(201)
  expect(await queueOf(url, reviewer)).toMatchObject([{ document: { id, version: 2 } }])
  await sql`delete from documents where id = ${id}`.execute(app.db)
  expect(await waits()).toBe(false)
})

it('everybody else is denied', async () => {
  const { url, app } = scene.service
  for (const person of [scene.member, await makePerson(app)]) {
    expect((await claimNext(url, person)).status).toBe(403)
    expect((await call(url, 'GET /review-queue', { headers: person.headers })).status).toBe(403)
  }
  expect((await uploadFile(url, scene.firm, scene.member)).status).toBe(201)
})

it('an API key of one firm claims and releases documents of that firm alone', async () => {
  const { url, app } = scene.service
  const { id } = await upload()
  const administrator = await makePerson(app, { role: 'admin' })
  const keyOf = async (firmId: FirmId) => {
    const body = { name: 'a key', scopes: ['review'], firm_id: firmId }
    const made = await call(url, 'POST /api-keys', { headers: administrator.headers, body })
    expect(made.status).toBe(201)
    const { key } = made.body as { key: string }
    return { ...administrator, headers: { authorization: `Bearer ${key}` } }
  }
  const [own, other] = [await keyOf(scene.firm), await keyOf(await makeFirm(app))]
  expect((await claimOne(url, await makeReviewer(app), id)).status).toBe(200)

  expect(await release(url, other, id)).toMatchObject({ status: 403 })
  expect((await release(url, own, id)).status).toBe(204)
  expect(await claimOne(url, other, id)).toMatchObject({ status: 403 })
  expect((await claimOne(url, own, id)).status).toBe(200)
})
