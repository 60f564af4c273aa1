import { sql } from 'kysely'

import type { FirmId, DeliveryId, WebhookId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** `attempt`: the number of this attempt, which nobody else makes before the lease is over. */
export type ClaimedDelivery = {
  id: DeliveryId
  webhookId: WebhookId
  url: string
  sealedSecret: Buffer
  firmId: FirmId | null
  event: string
  occurredAt: Date
  data: Record<string, unknown>
  tryingSince: Date
  attempt: number
}

/**
 * Claims one due delivery of the webhook that was served longest ago, and the webhook with it: a receiver gets one request at
 * a time. If the process dies, both are due again when the lease is over. `isFailing`: of the webhooks that fail, or of the
 * others.
 */
export async function claimDelivery(
  db: Db,
  { isFailing, now, leaseSeconds }: { isFailing: boolean; now: Date; leaseSeconds: number },
): Promise<ClaimedDelivery | undefined> {
  const until = sql`${now}::timestamptz + make_interval(secs => ${leaseSeconds})`
  const { rows } = await sql<ClaimedDelivery>`
    with webhook as materialized (
      select w.* from document_webhooks w
      where w.claimed_until <= ${now} and (w.failing_since is not null) = ${isFailing} and (
        w.enabled and exists (
          select from document_webhook_deliveries d where d.webhook_id = w.id and d.next_attempt_at <= ${now})
        or exists (select from document_webhook_deliveries d
          where d.webhook_id = w.id and d.is_by_hand and d.next_attempt_at <= ${now}))
      order by w.claimed_until limit 1 for update skip locked
    ),
    due as materialized (
      select d.id from document_webhook_deliveries d join webhook w on w.id = d.webhook_id
      where d.next_attempt_at <= ${now} and (w.enabled or d.is_by_hand) order by d.next_attempt_at limit 1
    ),
    claimed as (
      update document_webhooks w set claimed_until = ${until} from webhook where w.id = webhook.id
    )
    update document_webhook_deliveries d set attempts = d.attempts + 1, next_attempt_at = ${until}
    from due, webhook w
    where d.id = due.id and d.webhook_id = w.id and d.next_attempt_at <= ${now}
    returning d.id, d.webhook_id as "webhookId", w.url, w.sealed_secret as "sealedSecret", w.firm_id as "firmId", d.event,
      d.occurred_at as "occurredAt", d.data, d.trying_since as "tryingSince", d.attempts as attempt`.execute(db)
  return rows[0]
}

/** After a failure, the other deliveries of a webhook that answers again are due at once. */
export async function recordDelivered(
  db: Db,
  { id, webhookId }: Pick<ClaimedDelivery, 'id' | 'webhookId'>,
  { status, at }: { status: number; at: Date },
): Promise<void> {
  await sql`
    with delivered as (
      update document_webhook_deliveries set delivered_at = coalesce(delivered_at, ${at}), next_attempt_at = null,
        is_by_hand = false, last_status = ${status}, error = null
      where id = ${id}
    ),
    was as materialized (select failing_since from document_webhooks where id = ${webhookId}),
    released as (
      update document_webhooks set failing_since = null, claimed_until = ${at} where id = ${webhookId}
    )
    update document_webhook_deliveries set next_attempt_at = ${at}
    where webhook_id = ${webhookId} and next_attempt_at > ${at} and id <> ${id}
      and exists (select from was where failing_since is not null)`.execute(db)
}

export type FailedAttempt = {
  /** Null: there was no answer. */
  status: number | null
  error: string
  /** Null: it is given up. */
  nextAttemptAt: Date | null
  at: Date
  /** When the webhook may be claimed again. */
  restsUntil: Date
}

/** Changes nothing of a delivery that another process claimed meanwhile. */
export async function recordFailed(
  db: Db | Tx,
  { id, webhookId, attempt }: Pick<ClaimedDelivery, 'id' | 'webhookId' | 'attempt'>,
  { status, error, nextAttemptAt, at, restsUntil }: FailedAttempt,
): Promise<void> {
  await sql`
    with failed as (
      update document_webhook_deliveries set last_status = ${status}::int, error = ${error}, is_by_hand = false,
        next_attempt_at = ${nextAttemptAt}::timestamptz
      where id = ${id} and attempts = ${attempt} and delivered_at is null
      returning webhook_id
    )
    update document_webhooks w set failing_since = coalesce(w.failing_since, ${at}), claimed_until = ${restsUntil}
    from failed where w.id = failed.webhook_id and w.id = ${webhookId}`.execute(db)
}

export type Delivery = {
  id: DeliveryId
  event: string
  attempts: number
  lastStatus: number | null
  error: string | null
  nextAttemptAt: Date | null
  deliveredAt: Date | null
}
export type DeliveryRecord = Delivery & {
  /** To the microsecond, for paging. */
  createdAtExact: string
}

/** Newest first. */
export async function listDeliveries(
  db: Db,
  webhookId: WebhookId,
  { limit, after }: { limit: number; after: { at: string; id: string } | undefined },
): Promise<DeliveryRecord[]> {
  const { rows } = await sql<DeliveryRecord>`
    select id, event, attempts, last_status as "lastStatus", error, next_attempt_at as "nextAttemptAt",
      delivered_at as "deliveredAt", created_at::text as "createdAtExact"
    from document_webhook_deliveries
    where webhook_id = ${webhookId}
      and ${after === undefined ? sql`true` : sql`(created_at, id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by created_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

type NewDelivery = { event: string; data: Record<string, unknown>; at: Date }

/** A delivery that an administrator asks for. */
export async function insertDeliveryByHand(
  trx: Tx,
  webhookId: WebhookId,
  { event, data, at }: NewDelivery,
): Promise<DeliveryId> {
  const { rows } = await sql<{ id: DeliveryId }>`
    insert into document_webhook_deliveries (webhook_id, event, occurred_at, data, trying_since, next_attempt_at, is_by_hand)
    values (${webhookId}, ${event}, ${at}, ${JSON.stringify(data)}::jsonb, ${at}, ${at}, true)
    returning id`.execute(trx)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no id')
  return row.id
}

/** Makes a delivery due at once, also one that was given up or delivered. Undefined if the webhook has none with this id. */
export async function retryDelivery(
  trx: Tx,
  { webhookId, id, at }: { webhookId: WebhookId; id: DeliveryId; at: Date },
): Promise<{ event: string } | undefined> {
  const { rows } = await sql<{ event: string }>`
    update document_webhook_deliveries
    set next_attempt_at = ${at}, trying_since = ${at}, is_by_hand = true, delivered_at = null
    where webhook_id = ${webhookId} and id = ${id}
    returning event`.execute(trx)
  return rows[0]
}

/** A system task: deletes deliveries from before this time, whatever their state. */
export async function removeDeliveriesBefore(db: Db, before: Date): Promise<void> {
  await sql`delete from document_webhook_deliveries where created_at < ${before}`.execute(db)
}
