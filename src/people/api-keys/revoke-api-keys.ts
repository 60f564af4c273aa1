import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { revokeKeysWithoutMaker } from '../../database/people/accounts.ts'
import { type ApiKey, revokeEveryKeyOf } from '../../database/people/api-keys.ts'
import { AccessDenied } from '../../errors/app-error.ts'
import type { Actor, Clock, UserId, Visitor } from '../../vocabulary/vocabulary.ts'

/** Revokes every valid key that this person made, and returns their number. */
export async function revokeApiKeysOf(trx: Tx, person: Visitor & { userId: UserId }, at: Date): Promise<number> {
  const keys = await revokeEveryKeyOf(trx, person.userId, at)
  await recordRevoked(trx, person, keys)
  return keys.length
}

/** In the transaction that takes a right from a person: revokes the keys that needed it. */
export async function endKeysWithoutMaker(trx: Tx, actor: EventActor, userId: UserId, at: Date): Promise<void> {
  await recordRevoked(trx, actor, await revokeKeysWithoutMaker(trx, userId, at))
}

async function recordRevoked(trx: Tx, actor: EventActor, keys: ApiKey[]): Promise<void> {
  for (const key of keys) await recordEvent(trx, actor, { action: 'api_key.deleted', outcome: 'ok', ...aboutKey(key) })
}

/**
 * After an error of a request: where the platform took the right, no transaction of ours revoked the key. Its first denial
 * does, so that it never works again.
 */
export async function revokeKeyOfDenied(
  { db, now }: { db: Db; now: Clock },
  actor: Actor,
  error: unknown,
): Promise<void> {
  if (!(error instanceof AccessDenied) || error.denial !== 'key_maker') return
  await inTransaction(db, (trx) => endKeysWithoutMaker(trx, actor, actor.userId, now()))
}

/** What an event says of a key. Its maker chose the name, which can be erased. */
export function aboutKey({ id, name, prefix, scopes, firmId, userId, expiresAt }: ApiKey) {
  const details = { api_key_id: id, prefix, scopes, user_id: userId, expires_at: expiresAt.toISOString() }
  return { details, personal: { about: userId, name }, ...(firmId !== null && { firmId }) }
}
