import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import { recordEvent, systemActor } from '../database/audit/events.ts'
import type { Db, Tx } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import { listPlatformAdministrators } from '../database/mail/recipients.ts'
import { type ClaimedDelivery, claimDelivery, recordDelivered, recordFailed } from '../database/webhooks/deliveries.ts'
import { disableWebhook, replaceSecret } from '../database/webhooks/webhooks.ts'
import { notify, type NotifyNeeds } from '../mail/notify.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { openSecret, sealSecret } from '../vocabulary/secrets.ts'
import { signMessage } from './sign-webhook.ts'
import type { PostResult, SendPost } from './send-post.ts'

export type DeliverNeeds = NotifyNeeds & {
  db: Db
  log: Pick<Logger, 'info' | 'warn'>
  metrics: Pick<Metrics, 'webhookAttempts'>
  keys: { webhooks: readonly Uint8Array[] }
  post: SendPost
}

/** Longer than the longest attempt, and short enough that the first retry after a killed process comes within a minute. */
const leaseSeconds = 45
const minPauseMs = 30_000
const hourMs = 60 * 60 * 1000
const maxPauseMs = 12 * hourMs
/** Then the delivery is given up and its webhook disabled. */
const giveUpAfterMs = 3 * 24 * hourMs
/** A failing receiver gets a request at most this often. */
const restMs = 1000

export type Attempted = 'delivered' | 'failed' | 'given_up'

/** Of the webhooks whose last attempt failed, or of the others. */
export type Lane = { isFailing: boolean }

/**
 * Claims one due delivery; undefined if nothing is due. Any number of processes may do this at once; each webhook gets one
 * request at a time. If the outcome of an attempt is unknown, it is repeated with the same id.
 */
export async function claimNext(
  { db, now }: Pick<DeliverNeeds, 'db' | 'now'>,
  { isFailing }: Lane,
): Promise<ClaimedDelivery | undefined> {
  return await claimDelivery(db, { isFailing, now: now(), leaseSeconds })
}

/** Makes one attempt and records its outcome. */
export async function deliver(needs: DeliverNeeds, delivery: ClaimedDelivery): Promise<Attempted> {
  const result = await attempt(needs, delivery)
  const outcome = isSuccess(result)
    ? await recordSuccess(needs, delivery, result)
    : await recordFailure(needs, delivery, result)
  needs.metrics.webhookAttempts.inc({ outcome })
  return outcome
}

async function recordSuccess(
  { db, now }: DeliverNeeds,
  delivery: ClaimedDelivery,
  { status }: { status: number },
): Promise<Attempted> {
  await recordDelivered(db, delivery, { status, at: now() })
  return 'delivered'
}

async function attempt({ db, now, keys, post }: DeliverNeeds, delivery: ClaimedDelivery): Promise<PostResult> {
  const { id, webhookId, url, sealedSecret, event, occurredAt, data } = delivery
  const secret = openSecret(keys.webhooks, webhookId, sealedSecret)
  if (secret === undefined)
    return {
      status: null,
      error: 'The secret cannot be decrypted: JWT_SECRET_KEY is another one. Register the webhook again.',
    }
  await encryptAgain({ db, keys }, delivery, secret)
  const body = JSON.stringify({ type: event, timestamp: occurredAt.toISOString(), data })
  return await post({ url, ...signMessage(secret, { id, sentAt: now(), body }) })
}

/** After a rotation only the newest key is needed. */
async function encryptAgain(
  { db, keys }: Pick<DeliverNeeds, 'db' | 'keys'>,
  { webhookId, sealedSecret }: ClaimedDelivery,
  secret: string,
): Promise<void> {
  if (openSecret(keys.webhooks.slice(0, 1), webhookId, sealedSecret) !== undefined) return
  await replaceSecret(db, webhookId, { from: sealedSecret, to: sealSecret(keys.webhooks, webhookId, secret) })
}

function isSuccess(result: PostResult): result is { status: number } {
  return result.status !== null && result.status >= 200 && result.status < 300
}

async function recordFailure(needs: DeliverNeeds, delivery: ClaimedDelivery, result: PostResult): Promise<Attempted> {
  const { db, log } = needs
  const at = needs.now()
  const triedMs = at.getTime() - delivery.tryingSince.getTime()
  const reason = result.status === 410 ? 'gone' : triedMs >= giveUpAfterMs ? 'given_up' : undefined
  const failed = {
    status: result.status,
    error: errorOf(result),
    nextAttemptAt: reason === undefined ? new Date(at.getTime() + pauseMs(triedMs)) : null,
    at,
    restsUntil: new Date(at.getTime() + restMs),
  }
  const about = {
    webhook_id: delivery.webhookId,
    delivery_id: delivery.id,
    attempt: delivery.attempt,
    why: failed.error,
  }
  if (reason === undefined) {
    await recordFailed(db, delivery, failed)
    log.warn({ event: 'webhook_delivery_failed', ...about }, 'webhook not delivered, tried again later')
    return 'failed'
  }
  const isDisabled = await inTransaction(db, async (trx) => {
    await recordFailed(trx, delivery, failed)
    if (!(await disableWebhook(trx, delivery.webhookId, reason))) return false
    await reportDisabled(needs, trx, delivery, { reason, ...failed })
    return true
  })
  if (isDisabled) log.warn({ event: 'webhook_disabled', reason, ...about }, 'webhook disabled')
  return 'given_up'
}

/** To the audit trail and the administrators of the platform, in the transaction that disables the webhook. */
async function reportDisabled(
  needs: NotifyNeeds,
  trx: Tx,
  { id, webhookId, url, firmId }: ClaimedDelivery,
  { reason, status, error }: { reason: 'given_up' | 'gone'; status: number | null; error: string },
): Promise<void> {
  await recordEvent(trx, systemActor(randomUUID()), {
    action: 'webhook.disabled',
    outcome: 'ok',
    ...(firmId !== null && { firmId }),
    details: { webhook_id: webhookId, reason, delivery_id: id, last_status: status },
  })
  await notify(needs, trx, await listPlatformAdministrators(trx), {
    kind: 'webhook_disabled',
    facts: { webhookId, host: new URL(url).host, reason, error },
    aboutId: webhookId,
  })
}

function errorOf(result: PostResult): string {
  if ('error' in result) return result.error
  if (result.status >= 300 && result.status < 400)
    return `The receiver answered ${result.status}. Redirects are not followed: change the URL of the webhook.`
  return `The receiver answered ${result.status}.`
}

/** Doubles the time since the first attempt, up to 12 hours. The last attempt is when three days are over. */
function pauseMs(triedMs: number): number {
  const pause = Math.min(Math.max(minPauseMs, triedMs), maxPauseMs)
  return Math.max(minPauseMs, Math.min(pause, giveUpAfterMs - triedMs))
}
