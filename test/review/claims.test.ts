import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { lockClaimsOf } from '../../src/database/review/review-queue.ts'
import { call } from '../people/call-people.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeMember, type Person } from '../support/people/people.ts'
import { addReviewer, claimNext, claimOne, makeReviewer, queueOf, release, reviewScene } from './review-scene.ts'

const scene = reviewScene()

const upload = () => uploadDocument(scene.service.url, scene.firm, scene.member)
const claimedBy = async (reviewer: Person) =>
  (await queueOf(scene.service.url, reviewer))
    .filter(({ claimed_by: by }) => by?.id === reviewer.id)
    .map(({ document }) => document.id)

const eventsOf = async ({ id }: Person) => {
  const { rows } = await sql<{ action: string; outcome: string; document_id: string; details: object }>`
    select action, outcome, document_id, details from document_events where actor_id = ${id} and action like 'document.claim%'
    order by occurred_at, id`.execute(scene.service.app.db)
  return rows
}

it('a claim of a chosen document ends the earlier claim of the same reviewer', async () => {
  const { url, app } = scene.service
  const [first, second] = [await upload(), await upload()]
  const [reviewer, other] = [await makeReviewer(app), await makeReviewer(app)]
  expect((await claimNext(url, reviewer)).body.document.id).toBe(first.id)

  expect((await claimOne(url, reviewer, second.id)).status).toBe(200)

  expect(await claimedBy(reviewer)).toEqual([second.id])
  expect((await claimNext(url, reviewer)).body.document.id).toBe(second.id)
  expect((await claimNext(url, other)).body.document.id).toBe(first.id)
  expect(await eventsOf(reviewer)).toMatchObject([
    { action: 'document.claimed', document_id: first.id },
    {
      action: 'document.claim_released',
      document_id: first.id,
      details: { claimed_by: reviewer.id, claimed_instead: second.id },
    },
    { action: 'document.claimed', document_id: second.id },
    { action: 'document.claimed', document_id: second.id },
  ])
})

it('claims of one reviewer at the same time leave one claim', async () => {
  const { url, app } = scene.service
  const documents = [await upload(), await upload(), await upload(), await upload()]
  const reviewer = await makeReviewer(app)
  const answers = await Promise.all([
    ...documents.map(({ id }) => claimOne(url, reviewer, id)),
    claimNext(url, reviewer),
    claimNext(url, reviewer),
  ])

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
  expect(await claimedBy(reviewer)).toHaveLength(1)
})

it('a claim that waited is denied to a person who is no reviewer any more', async () => {
  const { url, app } = scene.service
  const { id } = await upload()
  const reviewer = await makeReviewer(app)
  const waiting = await app.db.transaction().execute(async (trx) => {
    await lockClaimsOf(trx, reviewer.id)
    const claims = [claimNext(url, reviewer), claimOne(url, reviewer, id)]
    await waitUntilWaiting(app.db, 2)
    await app.db.deleteFrom('document_platform_roles').where('user_id', '=', reviewer.id).execute()
    return { claims }
  })

  expect((await Promise.all(waiting.claims)).map(({ status }) => status)).toEqual([403, 403])
  expect(await queueOf(url, await makeReviewer(app))).toMatchObject([{ document: { id }, claimed_by: null }])
})

it('a document that was decided on cannot be claimed, even if a row of the queue is left', async () => {
  const { url, app } = scene.service
  const { id } = await upload()
  const reviewer = await makeReviewer(app)
  await app.db.transaction().execute(async (trx) => {
    await sql`create temporary table extra on commit drop as select * from document_review_queue`.execute(trx)
    await sql`update document_versions set review_status = 'rejected' where document_id = ${id}`.execute(trx)
    await sql`insert into document_review_queue select * from extra`.execute(trx)
  })

  expect(await claimOne(url, reviewer, id)).toMatchObject({ status: 404 })
})

it('a claim and a release of an unknown document leave an event', async () => {
  const { url, app } = scene.service
  const reviewer = await makeReviewer(app)
  const unknown = randomUUID()
  expect([(await claimOne(url, reviewer, unknown)).status, (await release(url, reviewer, unknown)).status]).toEqual([
    404, 404,
  ])
  expect(await eventsOf(reviewer)).toMatchObject([
    { action: 'document.claimed', outcome: 'not_found', document_id: unknown },
    { action: 'document.claim_released', outcome: 'not_found', document_id: unknown },
  ])
})

it('the summary counts what the reviewer may decide on: not what they uploaded, also as another version', async () => {
  const { url, app } = scene.service
  const uploader = await makeMember(app, scene.firm, 'firm_user')
  const bytes = makePdf({ seed: 'the same' })
  await uploadDocument(url, scene.firm, uploader, { bytes })
  const restored = await uploadDocument(url, scene.firm, uploader, { bytes })
  await addVersion(url, { firm: scene.firm, id: restored.id }, scene.member, { fileName: 'again.pdf', bytes })
  const replaced = await uploadDocument(url, scene.firm, uploader, { bytes })
  await addVersion(url, { firm: scene.firm, id: replaced.id }, scene.member, {
    fileName: 'new.pdf',
    bytes: makePdf({ seed: 'another' }),
  })
  await app.db.deleteFrom('firm_users').where('user_id', '=', uploader.id).execute()
  await addReviewer(app, uploader)

  expect((await queueOf(url, uploader)).map(({ document }) => document.id)).toEqual([replaced.id])
  const { body } = await call(url, 'GET /review-queue/summary', { headers: uploader.headers })
  expect(body).toMatchObject({ waiting: 1, by_type: [{ waiting: 1 }] })
})

it('a claim stays with a new version that can be decided on at once', async () => {
  const { url, app } = scene.service
  const { id } = await upload()
  const reviewer = await makeReviewer(app)
  await claimOne(url, reviewer, id)
  await addVersion(url, { firm: scene.firm, id }, scene.member, {
    fileName: 'new.pdf',
    bytes: makePdf({ seed: 'new' }),
  })

  expect(await queueOf(url, reviewer)).toMatchObject([{ document: { version: 2 }, claimed_by: { id: reviewer.id } }])
})
