import { sql } from 'kysely'

import type { WebhookEvent } from '../../contract/webhooks.ts'
import type { FirmId, UserId, WebhookId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

export type Webhook = {
  id: WebhookId
  url: string
  events: WebhookEvent[]
  /** Null: every firm. */
  firmId: FirmId | null
  enabled: boolean
  /** Why the service disabled it. Null: a person disabled it, or it is enabled. */
  disabledReason: 'given_up' | 'gone' | null
  failingSince: Date | null
  createdBy: UserId
  createdAt: Date
}

export type WebhookRecord = Webhook & {
  /** The same time to the microsecond, for paging. */
  createdAtExact: string
}

const columns = sql<WebhookRecord>`
  w.id, w.url, w.events, w.firm_id as "firmId", w.enabled, w.disabled_reason as "disabledReason",
  w.failing_since as "failingSince", w.created_by as "createdBy", w.created_at as "createdAt",
  w.created_at::text as "createdAtExact"`

export type NewWebhook = Pick<Webhook, 'id' | 'url' | 'events' | 'firmId' | 'createdBy' | 'createdAt'> & {
  sealedSecret: Buffer
}

/** Inserts an enabled webhook. Undefined if there are `max` of them, or there is no such firm. */
export async function insertWebhook(trx: Tx, webhook: NewWebhook, max: number): Promise<Webhook | undefined> {
  // The count waits for other webhooks.
  await sql`select pg_advisory_xact_lock(hashtext('paniq-documents webhooks'))`.execute(trx)
  const { rows } = await sql<WebhookRecord>`
    insert into document_webhooks as w (id, url, events, firm_id, sealed_secret, created_by, created_at)
    select ${webhook.id}::uuid, ${webhook.url}, ${webhook.events}::text[], ${webhook.firmId}::uuid, ${webhook.sealedSecret},
      ${webhook.createdBy}::uuid, ${webhook.createdAt}::timestamptz
    where (select count(*) from document_webhooks) < ${max}
    returning ${columns}`.execute(trx)
  return rows[0]
}

export type WebhookPage = { limit: number; after: { at: string; id: string } | undefined }

/** Newest first. */
export async function listWebhooks(db: Db, { limit, after }: WebhookPage): Promise<WebhookRecord[]> {
  const { rows } = await sql<WebhookRecord>`
    select ${columns} from document_webhooks w
    where ${after === undefined ? sql`true` : sql`(w.created_at, w.id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by w.created_at desc, w.id desc limit ${limit}`.execute(db)
  return rows
}

/** Locks it until the end of the transaction. */
export async function lockWebhook(trx: Tx, id: WebhookId): Promise<Webhook | undefined> {
  const { rows } = await sql<WebhookRecord>`
    select ${columns} from document_webhooks w where w.id = ${id} for update`.execute(trx)
  return rows[0]
}

export async function hasWebhook(db: Db, id: WebhookId): Promise<boolean> {
  const { rows } = await sql`select from document_webhooks where id = ${id}`.execute(db)
  return rows.length === 1
}

export type WebhookChange = Pick<Webhook, 'url' | 'events' | 'enabled'>

/**
 * Changes a webhook that the transaction has locked. `startsAgain`: it gets its waiting deliveries at once, and three days
 * for them.
 */
export async function updateWebhook(
  trx: Tx,
  id: WebhookId,
  { url, events, enabled }: WebhookChange,
  { startsAgain, now }: { startsAgain: boolean; now: Date },
): Promise<Webhook> {
  const { rows } = await sql<WebhookRecord>`
    update document_webhooks w set url = ${url}, events = ${events}::text[], enabled = ${enabled},
      disabled_reason = case when ${enabled} = w.enabled then w.disabled_reason end,
      failing_since = case when ${startsAgain} then null else w.failing_since end
    where w.id = ${id}
    returning ${columns}`.execute(trx)
  if (startsAgain)
    await sql`
      update document_webhook_deliveries set next_attempt_at = ${now}, trying_since = ${now}
      where webhook_id = ${id} and next_attempt_at is not null`.execute(trx)
  const [webhook] = rows
  if (webhook === undefined) throw new Error('the locked webhook is gone')
  return webhook
}

/** Deletes a webhook and its deliveries. False if there is none. An event at the same moment may leave a delivery, which nobody claims. */
export async function deleteWebhook(trx: Tx, id: WebhookId): Promise<boolean> {
  const { numAffectedRows } = await sql`delete from document_webhooks where id = ${id}`.execute(trx)
  await sql`delete from document_webhook_deliveries where webhook_id = ${id}`.execute(trx)
  return numAffectedRows === 1n
}

/** Disables it. False if it was disabled already. */
export async function disableWebhook(trx: Tx, id: WebhookId, reason: 'given_up' | 'gone'): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_webhooks set enabled = false, disabled_reason = ${reason}
    where id = ${id} and enabled`.execute(trx)
  return numAffectedRows === 1n
}

/** Stores the secret as another key encrypts it. */
export async function replaceSecret(db: Db, id: WebhookId, { from, to }: { from: Buffer; to: Buffer }): Promise<void> {
  await sql`
    update document_webhooks set sealed_secret = ${to} where id = ${id} and sealed_secret = ${from}`.execute(db)
}
