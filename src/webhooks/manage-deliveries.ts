import { recordEvent } from '../database/audit/events.ts'
import type { Db } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import {
  type DeliveryRecord,
  insertDeliveryByHand,
  listDeliveries,
  retryDelivery,
} from '../database/webhooks/deliveries.ts'
import { hasWebhook, lockWebhook, type WebhookPage } from '../database/webhooks/webhooks.ts'
import { AppError } from '../errors/app-error.ts'
import { assertAdministrator, recordDenial, requireAdministrator } from '../people/require-right.ts'
import type { Actor, Clock, DeliveryId, WebhookId } from '../vocabulary/vocabulary.ts'
import { noSuchWebhook } from './manage-webhooks.ts'

type Needs = { db: Db; now: Clock }

/** The event of `testWebhook`. It is in no list of events, since every webhook gets its own tests. */
const testEvent = 'webhook.test'

/** Lists the deliveries of a webhook for administrators, newest first. Throws the denial and `not_found`. */
export async function browseDeliveries(
  { db }: Pick<Needs, 'db'>,
  actor: Actor,
  { id, ...page }: WebhookPage & { id: WebhookId },
): Promise<DeliveryRecord[]> {
  const action = 'webhook.deliveries_listed'
  await requireAdministrator(db, actor, action)
  if (!(await hasWebhook(db, id))) throw noSuchWebhook()
  return await listDeliveries(db, id, page)
}

/** Queues a message for a webhook, also a disabled one, for administrators. Throws the denial and `not_found`. */
export async function testWebhook({ db, now }: Needs, actor: Actor, id: WebhookId): Promise<void> {
  const about = { action: 'webhook.tested', details: { webhook_id: id } }
  await recordDenial(db, actor, about, () =>
    inTransaction(db, async (trx) => {
      await assertAdministrator(trx, actor)
      if ((await lockWebhook(trx, id)) === undefined) throw noSuchWebhook()
      await insertDeliveryByHand(trx, id, { event: testEvent, data: { webhook_id: id }, at: now() })
      await recordEvent(trx, actor, { ...about, outcome: 'ok' })
    }),
  )
}

/**
 * Sends a delivery again at once, also one that was given up or delivered, and of a disabled webhook; for administrators. It
 * has the same `webhook-id`. Throws the denial and `not_found`.
 */
export async function sendDeliveryAgain(
  { db, now }: Needs,
  actor: Actor,
  { webhookId, deliveryId }: { webhookId: WebhookId; deliveryId: DeliveryId },
): Promise<void> {
  const about = { action: 'webhook.delivery_retried', details: { webhook_id: webhookId, delivery_id: deliveryId } }
  await recordDenial(db, actor, about, () =>
    inTransaction(db, async (trx) => {
      await assertAdministrator(trx, actor)
      if ((await lockWebhook(trx, webhookId)) === undefined) throw noSuchWebhook()
      const retried = await retryDelivery(trx, { webhookId, id: deliveryId, at: now() })
      if (retried === undefined) throw new AppError('not_found', 'The webhook has no such delivery.')
      await recordEvent(trx, actor, { ...about, outcome: 'ok' })
    }),
  )
}
