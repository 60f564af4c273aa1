import { randomUUID } from 'node:crypto'

import type { WebhookEvent } from '../contract/webhooks.ts'
import { recordEvent } from '../database/audit/events.ts'
import type { Db } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import { isKnownFirm } from '../database/people/firms.ts'
import {
  deleteWebhook,
  insertWebhook,
  listWebhooks,
  lockWebhook,
  updateWebhook,
  type Webhook,
  type WebhookChange,
  type WebhookPage,
  type WebhookRecord,
} from '../database/webhooks/webhooks.ts'
import { AppError } from '../errors/app-error.ts'
import { type ProofNeeds, requireFreshProof } from '../people/passwords/prove-password.ts'
import { assertAdministrator, recordDenial, requireAdministrator } from '../people/require-right.ts'
import { sealSecret } from '../vocabulary/secrets.ts'
import type { Actor, FirmId, WebhookId } from '../vocabulary/vocabulary.ts'
import { createWebhookSecret } from './sign-webhook.ts'

export type WebhookNeeds = ProofNeeds & { keys: { webhooks: readonly Uint8Array[] } }

/** Each event asks every webhook whether it wants it. */
const maxWebhooks = 100

type WebhookRequest = {
  url: string
  events: WebhookEvent[]
  /** Null: every firm. */
  firmId: FirmId | null
  /** Required when the session is not new. */
  password: string | undefined
}

/**
 * Registers a webhook, for administrators who proved lately that it is them: it sends facts of every firm to its URL as long
 * as it exists. The secret is in this result only. Throws the denial, `conflict` for too many webhooks, and `not_found` for an
 * unknown firm.
 */
export async function registerWebhook(
  needs: WebhookNeeds,
  actor: Actor,
  { url, events, firmId, password }: WebhookRequest,
): Promise<{ id: WebhookId; secret: string }> {
  const { db, keys, now } = needs
  const action = 'webhook.created'
  const { email } = await requireAdministrator(db, actor, action)
  await requireFreshProof(needs, actor, { action, email, password })
  const id = randomUUID() as WebhookId
  const secret = createWebhookSecret()
  const sealedSecret = sealSecret(keys.webhooks, id, secret)
  return await recordDenial(db, actor, { action }, () =>
    inTransaction(db, async (trx) => {
      await assertAdministrator(trx, actor)
      const row = { id, url, events, firmId, sealedSecret, createdBy: actor.userId, createdAt: now() }
      if (firmId !== null && !(await isKnownFirm(trx, firmId)))
        throw new AppError('not_found', 'There is no such firm.')
      const webhook = await insertWebhook(trx, row, maxWebhooks)
      if (webhook === undefined) throw new AppError('conflict', `There are ${maxWebhooks} webhooks. Delete one first.`)
      await recordEvent(trx, actor, { action, outcome: 'ok', ...aboutWebhook(webhook) })
      return { id, secret }
    }),
  )
}

/** Lists all webhooks for administrators, newest first, without their secrets. */
export async function browseWebhooks({ db }: { db: Db }, actor: Actor, page: WebhookPage): Promise<WebhookRecord[]> {
  await requireAdministrator(db, actor, 'webhooks.listed')
  return await listWebhooks(db, page)
}

/**
 * Changes a webhook, for administrators; another URL needs a fresh proof. An enabled webhook and one with another URL get
 * their waiting deliveries at once. Throws the denial and `not_found`.
 */
export async function changeWebhook(
  needs: ProofNeeds,
  actor: Actor,
  { id, change, password }: { id: WebhookId; change: Partial<WebhookChange>; password: string | undefined },
): Promise<Webhook> {
  const { db, now } = needs
  const about = { action: 'webhook.changed', details: { webhook_id: id } }
  const { email } = await requireAdministrator(db, actor, about.action, { details: about.details })
  if (change.url !== undefined) await requireFreshProof(needs, actor, { action: about.action, email, password })
  return await recordDenial(db, actor, about, () =>
    inTransaction(db, async (trx) => {
      await assertAdministrator(trx, actor)
      const before = await lockWebhook(trx, id)
      if (before === undefined) throw noSuchWebhook()
      const after = {
        url: change.url ?? before.url,
        events: change.events ?? before.events,
        enabled: change.enabled ?? before.enabled,
      }
      if (isSame(before, after)) return before
      const startsAgain = after.enabled && (!before.enabled || after.url !== before.url)
      const changed = await updateWebhook(trx, id, after, { startsAgain, now: now() })
      await recordEvent(trx, actor, { action: about.action, outcome: 'ok', ...aboutWebhook(changed) })
      return changed
    }),
  )
}

function isSame(before: WebhookChange, after: WebhookChange): boolean {
  const isOfSameEvents =
    before.events.length === after.events.length && after.events.every((each) => before.events.includes(each))
  return before.url === after.url && before.enabled === after.enabled && isOfSameEvents
}

/** Deletes a webhook with its deliveries, for administrators. Throws the denial and `not_found`. */
export async function removeWebhook({ db }: { db: Db }, actor: Actor, id: WebhookId): Promise<void> {
  const about = { action: 'webhook.deleted', details: { webhook_id: id } }
  await recordDenial(db, actor, about, () =>
    inTransaction(db, async (trx) => {
      await assertAdministrator(trx, actor)
      if (!(await deleteWebhook(trx, id))) throw noSuchWebhook()
      await recordEvent(trx, actor, { ...about, outcome: 'ok' })
    }),
  )
}

export function noSuchWebhook(): AppError {
  return new AppError('not_found', 'There is no such webhook.')
}

/** Of the URL only scheme and host: the rest may be a secret, and events cannot be erased. */
function aboutWebhook({ id, url, events, firmId, enabled }: Webhook) {
  const details = { webhook_id: id, origin: new URL(url).origin, events, enabled }
  return { ...(firmId !== null && { firmId }), details }
}
