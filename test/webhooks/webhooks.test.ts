import { randomUUID } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { claimNext, deliver } from '../../src/webhooks/deliver-webhooks.ts'
import type { PostResult } from '../../src/webhooks/send-post.ts'
import { startWebhookDelivery } from '../../src/worker/webhook-delivery.ts'
import { call, later, logIn, makePersonWithPassword, password, serveAt } from '../people/call-people.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { begin } from '../support/service/begin.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makeFirm } from '../support/people/people.ts'
import { verifyReceived } from './receiver.ts'
import { type DeliveryBody, deliverDue, webhookScene } from './webhook-scene.ts'

const scene = webhookScene()

const events = ['document.uploaded']
const url = 'https://hooks.example/one?token=a-secret-of-the-url'

it('a registered webhook receives a signed request for an upload', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { secret } = await scene.register({ url: scene.receiver.url, events })
  const delivery = startWebhookDelivery(scene.service.app, { everyMs: 20 })
  const { id, sha256, document_type } = await uploadDocument(scene.service.url, firm, admin)

  const [body] = await verifyReceived(scene.receiver, secret, 1)
  expect(body).toMatchObject({
    type: 'document.uploaded',
    data: { firm_id: firm, document_id: id, document_type, version: 1, actor_id: admin.id, sha256 },
  })
  expect(Math.abs(Date.parse(body?.timestamp ?? '') - Date.now())).toBeLessThan(60_000)
  await delivery.close()
})

describe('a webhook', () => {
  it('has its secret in the answer of its registration, and nowhere else', async () => {
    const { id, secret } = await scene.register({ url, events })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const list = await scene.ask('GET /webhooks')
    expect(list.body).toMatchObject([{ id, url, events, firm_id: null, enabled: true, disabled_reason: null }])
    const { db } = scene.service.app
    const rows = await db.selectFrom('document_webhooks').selectAll().execute()
    const trail = await db.selectFrom('document_events').selectAll().where('action', 'like', 'webhook.%').execute()
    const written = JSON.stringify([list.body, rows, trail]) + scene.service.logLines.join('\n')
    expect(written).not.toContain(secret.slice('whsec_'.length))
    expect(rows[0]?.sealed_secret.includes(secret.slice('whsec_'.length))).toBe(false)
    // The URL may have a secret too, and the trail cannot be erased.
    expect(JSON.stringify(trail)).toContain('https://hooks.example')
    expect(JSON.stringify(trail) + scene.service.logLines.join('\n')).not.toContain('a-secret-of-the-url')
  })

  it.each([
    [{ url: 'ftp://hooks.example/', events }],
    [{ url: 'hooks.example', events }],
    [{ url: 'https://user:password@hooks.example/', events }],
    [{ url: 'https://hooks.example/#part', events }],
    [{ url: `https://hooks.example/${'x'.repeat(2000)}`, events }],
    [{ url, events: [] }],
    [{ url, events: ['document.deleted'] }],
    [{ url, events: ['webhook.test'] }],
    [{ url, events: [...events, ...events] }],
    [{ url, events, secret: 'whsec_mine' }],
    [{ url, events, firm_id: 'one' }],
  ])('is rejected: %j', async (body) => {
    expect((await scene.ask('POST /webhooks', body)).status).toBe(422)
  })

  it('of an unknown firm is 404, and the 101st is a conflict', async () => {
    expect((await scene.ask('POST /webhooks', { url, events, firm_id: randomUUID() })).status).toBe(404)
    for (let each = 0; each < 10; each += 1)
      await Promise.all(Array.from({ length: 10 }, () => scene.register({ url, events })))
    expect((await scene.ask('POST /webhooks', { url, events })).body).toMatchObject({ code: 'conflict' })
  })

  it('needs a fresh proof to be registered and to get another URL', async () => {
    const { app } = scene.service
    const other = await serveAt(app)
    const person = await makePersonWithPassword(app, { role: 'admin' })
    const { access_token: token } = await logIn(other.url, person)
    const { id } = await scene.register({ url, events })
    other.clock.now = later(other.clock.now, 11 * 60)
    const register = (more: object) => call(other.url, 'POST /webhooks', { token, body: { url, events, ...more } })
    const change = (body: object) => call(other.url, `PATCH /webhooks/${id}`, { token, body })
    expect(await register({})).toMatchObject({ status: 403, body: { detail: expect.stringContaining('Confirm') } })
    expect((await change({ url: 'https://attacker.example/' })).status).toBe(403)
    expect((await change({ enabled: false })).status).toBe(200)
    expect((await register({ password })).status).toBe(201)
    expect((await change({ url: 'https://other.example/' })).status).toBe(200)
    await other.stop()
  })

  it('is changed and deleted, with an event for each change', async () => {
    const { id } = await scene.register({ url, events })
    const changed = await scene.ask(`PATCH /webhooks/${id}`, { events: ['document.expired'], enabled: false })
    expect(changed).toMatchObject({ status: 200, body: { id, url, events: ['document.expired'], enabled: false } })
    expect((await scene.ask(`PATCH /webhooks/${id}`, { enabled: false })).status).toBe(200)
    expect((await scene.ask(`PATCH /webhooks/${id}`, {})).status).toBe(422)
    expect((await scene.ask(`DELETE /webhooks/${id}`)).status).toBe(204)
    expect((await scene.ask(`DELETE /webhooks/${id}`)).status).toBe(404)
    expect((await scene.ask(`PATCH /webhooks/${id}`, { enabled: true })).status).toBe(404)
    const { db } = scene.service.app
    const trail = db.selectFrom('document_events').select(['action', 'outcome', 'details']).orderBy('occurred_at')
    const ofIt = (await trail.where('action', 'like', 'webhook.%').execute()).filter(
      ({ details }) => details['webhook_id'] === id,
    )
    expect(ofIt.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'webhook.created ok',
      'webhook.changed ok',
      'webhook.deleted ok',
      'webhook.deleted not_found',
      'webhook.changed not_found',
    ])
  })

  it('lists its deliveries in pages, newest first', async () => {
    const { id } = await scene.register({ url: scene.receiver.url, events: ['document.expired'] })
    const firm = await makeFirm(scene.service.app)
    for (let each = 0; each < 5; each += 1) await scene.happen(firm, 'document.expired')
    const all = await scene.deliveriesOf(id)
    expect(all.map((each) => [each.event, each.attempts, each.last_status, each.delivered_at])).toEqual(
      Array.from({ length: 5 }, () => ['document.expired', 0, null, null]),
    )
    const paged: DeliveryBody[] = []
    for (let path = `/webhooks/${id}/deliveries?limit=2`; path !== '';) {
      const { body, headers } = await scene.ask(`GET ${path}`)
      paged.push(...(body as DeliveryBody[]))
      path = /<\/api\/v1([^>]+)>/.exec(headers.get('link') ?? '')?.[1] ?? ''
    }
    expect(paged).toEqual(all)
    expect((await scene.ask(`GET /webhooks/${randomUUID()}/deliveries`)).status).toBe(404)
  })

  it('gets a test, also while it is disabled, and then nothing by itself', async () => {
    const { id, secret } = await scene.register({ url: scene.receiver.url, events })
    await scene.ask(`PATCH /webhooks/${id}`, { enabled: false })
    scene.receiver.answer((response) => void response.writeHead(500).end())
    expect((await scene.ask(`POST /webhooks/${id}/test`)).status).toBe(202)
    const { app } = scene.service
    expect(await deliverDue(app, later(new Date(), 1))).toEqual(['failed'])
    expect(await deliverDue(app, later(new Date(), 3600))).toEqual([])
    scene.receiver.answer((response) => void response.writeHead(204).end())
    const [test] = await scene.deliveriesOf(id)
    expect(test).toMatchObject({ event: 'webhook.test', attempts: 1, last_status: 500 })
    expect((await scene.ask(`POST /webhooks/${id}/deliveries/${test?.id}/retry`)).status).toBe(202)
    expect(await deliverDue(app, later(new Date(), 1))).toEqual(['delivered'])
    const bodies = await verifyReceived(scene.receiver, secret, 2)
    expect(bodies[1]).toMatchObject({ type: 'webhook.test', data: { webhook_id: id } })
    expect(scene.receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([test?.id, test?.id])
    expect((await scene.ask(`POST /webhooks/${id}/deliveries/${randomUUID()}/retry`)).status).toBe(404)
  })
})

it('while a receiver does not answer, uploads and changes of its webhook do not wait for it', async () => {
  const { app, url: address } = scene.service
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { id } = await scene.register({ url: scene.receiver.url, events: ['document.expired', 'document.uploaded'] })
  await scene.happen(firm, 'document.expired')
  const { promise: answered, resolve: answer } = Promise.withResolvers<PostResult>()
  const { db, keys, log, metrics, mailIsOn } = app
  const needs = { db, keys, log, metrics, mailIsOn, now: () => later(new Date(), 1), post: () => answered }
  const claimed = await claimNext(needs, { isFailing: false })
  if (claimed === undefined) throw new Error('nothing is due')
  const attempt = deliver(needs, claimed)

  // Its attempt is open until the end of the test, so each of these calls would never end if it waited.
  for (const fileName of ['one.pdf', 'two.pdf']) await uploadDocument(address, firm, admin, { fileName })
  expect((await scene.ask(`PATCH /webhooks/${id}`, { events: ['document.uploaded'] })).status).toBe(200)
  expect((await scene.ask(`POST /webhooks/${id}/test`)).status).toBe(202)
  expect((await scene.deliveriesOf(id)).map(({ attempts, last_status }) => [attempts, last_status])).toEqual([
    [0, null],
    [0, null],
    [0, null],
    [1, null],
  ])
  answer({ status: 204 })
  expect(await attempt).toBe('delivered')
})

it('a change that is rolled back sends nothing', async () => {
  const { app } = scene.service
  const { id } = await scene.register({ url: scene.receiver.url, events: ['document.expired'] })
  const trx = await begin(app.db)
  const facts = { outcome: 'ok', ip: 'system', user_agent: 'test', request_id: 'test', firm_id: await makeFirm(app) }
  await trx
    .insertInto('document_trail')
    .values({ action: 'document.expired', ...facts })
    .execute()
  await trx.rollback().execute()
  expect(await scene.deliveriesOf(id)).toEqual([])
})
