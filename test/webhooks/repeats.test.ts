import { randomUUID } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { claimNext } from '../../src/webhooks/deliver-webhooks.ts'
import { signMessage } from '../../src/webhooks/sign-webhook.ts'
import { startWebhookDelivery } from '../../src/worker/webhook-delivery.ts'
import { later } from '../people/call-people.ts'
import { type Receiver, startReceiver, verifyReceived } from './receiver.ts'
import { deliverDue, nextAttempt, webhookScene, postAnywhere } from './webhook-scene.ts'

const scene = webhookScene()

const events = ['document.expired']
const hour = 60 * 60
const idsOf = ({ received }: Receiver) => received.map(({ headers }) => headers['webhook-id'])

/** Jumps from attempt to attempt until this time. */
async function deliverUntil(end: Date, start = new Date(0)): Promise<number> {
  const { app } = scene.service
  let attempts = 0
  let at = start
  for (;;) {
    const next = await nextAttempt(app.db)
    if (next === undefined || next > end) return attempts
    // A new event is due at the real time, which is long past.
    if (next > at) at = next
    attempts += (await deliverDue(app, at)).length
  }
}

describe('a receiver that fails', () => {
  it('for a day gets every event after its recovery, and repeats under the same id', async () => {
    const { app } = scene.service
    const { id, secret } = await scene.register({ url: scene.receiver.url, events })
    const start = later(new Date(), 1)
    scene.receiver.answer((response) => void response.writeHead(503).end())
    for (const document of [1, 2, 3])
      await scene.happen(scene.firm, 'document.expired', { valid_until: `2026-01-0${document}` })
    expect(await deliverDue(app, start)).toEqual(['failed', 'failed', 'failed'])
    const first = await nextAttempt(app.db)
    expect(first?.getTime()).toBeLessThan(later(start, 60).getTime())

    const halfway = later(start, 12 * hour)
    const before = await deliverUntil(halfway)
    await scene.happen(scene.firm, 'document.expired', { valid_until: '2026-01-04' })
    const attempts = before + (await deliverUntil(later(start, 24 * hour), halfway))
    expect(attempts).toBeGreaterThan(3 * 5)
    expect(attempts).toBeLessThan(4 * 30)
    const oldest = (await scene.deliveriesOf(id)).at(-1)
    expect([(oldest?.attempts ?? 0) > 5, oldest?.last_status]).toEqual([true, 503])

    const tried = new Set(idsOf(scene.receiver))
    scene.receiver.received.splice(0)
    scene.receiver.answer((response) => void response.writeHead(200).end('{}'))
    // Its first success makes the others due at once.
    const back = await nextAttempt(app.db)
    expect(await deliverDue(app, later(back ?? start, 0))).toEqual(['delivered', 'delivered', 'delivered', 'delivered'])
    const bodies = await verifyAt(secret)
    expect(new Set(bodies.map(({ valid_until: day }) => day))).toEqual(
      new Set(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']),
    )
    const deliveries = await scene.deliveriesOf(id)
    expect(new Set(idsOf(scene.receiver))).toEqual(new Set(deliveries.map((each) => each.id)))
    expect(tried).toEqual(new Set(idsOf(scene.receiver)))
    expect(scene.receiver.received).toHaveLength(4)
    expect(deliveries.every((each) => each.delivered_at !== null && each.next_attempt_at === null)).toBe(true)
  })

  it('for three days is disabled, gets nothing of the time after, and what waited when it is enabled', async () => {
    const { app } = scene.service
    const { id } = await scene.register({ url: scene.receiver.url, events })
    const start = later(new Date(), 1)
    scene.receiver.answer((response) => void response.writeHead(500).end())
    await scene.happen(scene.firm, 'document.expired')
    await deliverUntil(later(start, 2 * 24 * hour))
    await scene.happen(scene.firm, 'document.expired')
    await deliverUntil(later(start, 100 * 24 * hour), later(start, 2 * 24 * hour))
    const end = later(start, 100 * 24 * hour)

    const disabled = await scene.ask('GET /webhooks')
    expect(disabled.body).toMatchObject([{ id, enabled: false, disabled_reason: 'given_up' }])
    const trail = app.db
      .selectFrom('document_events')
      .select(['details', 'actor_id'])
      .where('action', '=', 'webhook.disabled')
    expect(await trail.execute()).toMatchObject([{ actor_id: null, details: { webhook_id: id, reason: 'given_up' } }])
    expect(scene.service.logLines.some((line) => line.includes('"webhook_disabled"'))).toBe(true)
    const [waiting, givenUp] = await scene.deliveriesOf(id)
    expect([waiting?.next_attempt_at === null, givenUp?.next_attempt_at]).toEqual([false, null])
    await scene.happen(scene.firm, 'document.expired')
    expect(await scene.deliveriesOf(id)).toHaveLength(2)

    scene.receiver.received.splice(0)
    scene.receiver.answer((response) => void response.writeHead(204).end())
    expect(await deliverDue(app, end)).toEqual([])
    expect((await scene.ask(`PATCH /webhooks/${id}`, { enabled: true })).status).toBe(200)
    expect(await deliverDue(app, end)).toEqual(['delivered'])
    expect(idsOf(scene.receiver)).toEqual([waiting?.id])
    expect((await scene.ask(`POST /webhooks/${id}/deliveries/${givenUp?.id}/retry`)).status).toBe(202)
    expect(await deliverDue(app, end)).toEqual(['delivered'])
    expect(idsOf(scene.receiver)).toEqual([waiting?.id, givenUp?.id])
  })

  it('is disabled at once by 410', async () => {
    const { id } = await scene.register({ url: scene.receiver.url, events })
    scene.receiver.answer((response) => void response.writeHead(410).end())
    await scene.happen(scene.firm, 'document.expired')
    expect(await deliverDue(scene.service.app, later(new Date(), 1))).toEqual(['given_up'])
    expect((await scene.ask('GET /webhooks')).body).toMatchObject([{ id, enabled: false, disabled_reason: 'gone' }])
    expect(await scene.deliveriesOf(id)).toMatchObject([{ last_status: 410, next_attempt_at: null, attempts: 1 }])
  })

  it('by a redirect is not followed', async () => {
    const other = await startReceiver()
    const { id } = await scene.register({ url: scene.receiver.url, events })
    scene.receiver.answer((response) => void response.writeHead(307, { location: other.url }).end())
    await scene.happen(scene.firm, 'document.expired')
    expect(await deliverDue(scene.service.app, later(new Date(), 1))).toEqual(['failed'])
    expect(await scene.deliveriesOf(id)).toMatchObject([{ last_status: 307, delivered_at: null }])
    expect(other.received).toEqual([])
    await other.close()
  })

  it('by an endless answer is read for 16 KiB, and its status counts', async () => {
    await scene.register({ url: scene.receiver.url, events })
    let written = 0
    scene.receiver.answer((response) => {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000))) written += 10_000
      }
      response.on('drain', more)
      more()
    })
    await scene.happen(scene.firm, 'document.expired')
    expect(await deliverDue(scene.service.app, later(new Date(), 1))).toEqual(['delivered'])
    expect(written).toBeLessThan(20_000_000)
  })
})

describe('a process that dies', () => {
  it('before its request leaves the delivery to another one, within a minute', async () => {
    const { app } = scene.service
    await scene.register({ url: scene.receiver.url, events })
    await scene.happen(scene.firm, 'document.expired')
    const start = later(new Date(), 1)
    expect(await claimNext({ db: app.db, now: () => start }, { isFailing: false })).toMatchObject({ attempt: 1 })
    expect(await deliverDue(app, later(start, 30))).toEqual([])
    expect(await deliverDue(app, later(start, 60))).toEqual(['delivered'])
  })

  it('before it records the answer causes a repeat with the same id', async () => {
    const { app } = scene.service
    const { secret } = await scene.register({ url: scene.receiver.url, events })
    await scene.happen(scene.firm, 'document.expired')
    const start = later(new Date(), 1)
    const claimed = await claimNext({ db: app.db, now: () => start }, { isFailing: false })
    const { id = '', url = '' } = claimed ?? {}
    await postAnywhere({ url, ...signMessage(secret, { id, sentAt: start, body: '{}' }) })
    expect(await deliverDue(app, later(start, 60))).toEqual(['delivered'])
    expect(idsOf(scene.receiver)).toEqual([id, id])
  })
})

describe('several receivers and workers', () => {
  it('a receiver that never answers delays neither another one nor an event', async () => {
    const silent = await startReceiver()
    silent.answer(() => undefined)
    await scene.register({ url: silent.url, events })
    await scene.register({ url: scene.receiver.url, events })
    const delivery = startWebhookDelivery(scene.service.app, { everyMs: 20 })
    const startedAt = performance.now()
    for (let each = 0; each < 20; each += 1) await scene.happen(scene.firm, 'document.expired')
    await expect.poll(() => scene.receiver.received.length, { timeout: 8000 }).toBe(20)
    expect(performance.now() - startedAt).toBeLessThan(8000)
    expect(silent.received.length).toBe(1)
    await silent.close()
    await delivery.close()
  })

  it('two workers send each event once', async () => {
    const { secret } = await scene.register({ url: scene.receiver.url, events })
    const others = await Promise.all([startReceiver(), startReceiver()])
    for (const { url } of others) await scene.register({ url, events })
    await Promise.all(
      Array.from({ length: 50 }, () => scene.happen(scene.firm, 'document.expired', { run: randomUUID() })),
    )
    const workers = [0, 1].map(() => startWebhookDelivery(scene.service.app, { everyMs: 20 }))
    await verifyReceived(scene.receiver, secret, 50)
    await Promise.all(others.map((other) => expect.poll(() => other.received.length, { timeout: 20_000 }).toBe(50)))
    await Promise.all(workers.map((worker) => worker.close()))
    for (const each of [scene.receiver, ...others])
      expect([each.received.length, new Set(idsOf(each)).size]).toEqual([50, 50])
    await Promise.all(others.map((other) => other.close()))
  })
})

/** The data of each request; its time is in the future, which a receiver would reject. */
async function verifyAt(secret: string): Promise<Record<string, unknown>[]> {
  const bodies = scene.receiver.received.map(({ body, headers }) => {
    const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signature } = headers
    const sentAt = new Date(Number(timestamp) * 1000)
    const signed = signMessage(secret, { id: String(id), sentAt, body })
    expect(signed.headers['webhook-signature']).toBe(signature)
    return (JSON.parse(body) as { data: Record<string, unknown> }).data
  })
  return Promise.resolve(bodies)
}
