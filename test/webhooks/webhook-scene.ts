import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterEach } from 'vitest'

import type { App } from '../../src/app.ts'
import { recordEvent, systemActor } from '../../src/database/audit/events.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { claimNext, deliver } from '../../src/webhooks/deliver-webhooks.ts'
import { createPoster, type SendPost } from '../../src/webhooks/send-post.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call } from '../people/call-people.ts'
import { makeFirm, makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { startReceiver } from './receiver.ts'

export type Registered = { id: string; secret: string }

export type DeliveryBody = {
  id: string
  event: string
  attempts: number
  last_status: number | null
  last_error: string | null
  next_attempt_at: string | null
  delivered_at: string | null
}

export type WebhookScene = {
  service: TestService
  administrator: Person
  register: (body: Record<string, unknown>) => Promise<Registered>
  /** A call of the administrator. */
  ask: (line: string, body?: unknown) => ReturnType<typeof call>
  deliveriesOf: (id: string) => Promise<DeliveryBody[]>
  /** Records an event of the trail, as a change does. */
  happen: (firmId: FirmId, action: string, details?: Record<string, unknown>) => Promise<void>
  stop: () => Promise<void>
}

/** A service with an administrator who manages webhooks. Nothing is delivered by itself. */
export async function openWebhookScene(settings: Record<string, string> = {}): Promise<WebhookScene> {
  const service = await startService(settings)
  const administrator = await makePerson(service.app, { role: 'admin' })
  const { headers } = administrator
  const ask: WebhookScene['ask'] = (line, body) => call(service.url, line, { headers, body })
  return {
    service,
    administrator,
    ask,
    async register(body) {
      const answer = await ask('POST /webhooks', body)
      if (answer.status !== 201) throw new Error(`not registered: ${answer.status} ${JSON.stringify(answer.body)}`)
      return answer.body as Registered
    },
    deliveriesOf: async (id) => (await ask(`GET /webhooks/${id}/deliveries`)).body as DeliveryBody[],
    async happen(firmId, action, details = {}) {
      await recordEvent(service.app.db, systemActor(randomUUID()), { action, outcome: 'ok', firmId, details })
    },
    stop: () => service.stop(),
  }
}

/**
 * A webhook scene and a receiver on this machine, which gets deliveries, for the tests of a file. Each test begins without
 * webhooks.
 */
export function webhookScene(settings: Record<string, string> = { WEBHOOK_ALLOW_PRIVATE: 'on' }) {
  const scene = sceneOfFile(async (closing) => {
    const opened = await openWebhookScene(settings)
    closing.defer(() => opened.stop())
    const receiver = await startReceiver()
    closing.defer(() => receiver.close())
    return { ...opened, receiver, firm: await makeFirm(opened.service.app) }
  })
  afterEach(async () => {
    const { db } = scene.service.app
    await db.deleteFrom('document_webhooks').execute()
    await db.deleteFrom('document_webhook_deliveries').execute()
    scene.receiver.received.splice(0)
    scene.receiver.answer((response) => void response.writeHead(204).end())
  })
  return scene
}

export const postAnywhere = createPoster({ isAllowed: () => true })

/** Makes every attempt that is due at this time, one after the other, and returns their outcomes. */
export async function deliverDue(
  { db, keys, log, metrics, mailIsOn }: Pick<App, 'db' | 'keys' | 'log' | 'metrics' | 'mailIsOn'>,
  now: Date,
  post: SendPost = postAnywhere,
): Promise<string[]> {
  const needs = { db, keys, log, metrics, mailIsOn, post, now: () => now }
  const outcomes: string[] = []
  for (;;) {
    const delivery = (await claimNext(needs, { isFailing: false })) ?? (await claimNext(needs, { isFailing: true }))
    if (delivery === undefined) return outcomes
    outcomes.push(await deliver(needs, delivery))
    await rest(db, now)
  }
}

/** A failing webhook rests for a second of real time, which the tests' clock does not have. */
async function rest(db: Db, now: Date): Promise<void> {
  await sql`update document_webhooks set claimed_until = ${now} where claimed_until > ${now}`.execute(db)
}

/** The time of the next attempt. */
export async function nextAttempt(db: Db): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select min(next_attempt_at) + interval '1 millisecond' as at from document_webhook_deliveries d join document_webhooks w on w.id = d.webhook_id
    where w.enabled`.execute(db)
  return rows[0]?.at ?? undefined
}
