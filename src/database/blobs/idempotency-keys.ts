import { sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'

export type IdempotencyScope = { firmId: FirmId; userId: UserId; route: 'documents' | 'versions'; key: string }

type StoredAnswer = { fingerprint: string; documentId: DocumentId; version: number }

/** The contract's promise for an `Idempotency-Key`. */
export const daysOfIdempotencyKeys = 7

/** SQL: the lifetime of an idempotency key. */
export const idempotencyKeyLifetime = sql`make_interval(days => ${sql.lit(daysOfIdempotencyKeys)})`

/** The answer to the first request under this key, while the key lives. */
export async function findStoredAnswer(db: Db, scope: IdempotencyScope): Promise<StoredAnswer | undefined> {
  return db
    .selectFrom('document_idempotency_keys')
    .select(['fingerprint', 'document_id as documentId', 'version'])
    .where('firm_id', '=', scope.firmId)
    .where('user_id', '=', scope.userId)
    .where('route', '=', scope.route)
    .where('key', '=', scope.key)
    .where(sql<boolean>`created_at >= now() - ${idempotencyKeyLifetime}`)
    .executeTakeFirst()
}

/** A system task: older keys can be used again. */
export async function deleteExpiredIdempotencyKeys(db: Db, before: Date): Promise<number> {
  const result = await db.deleteFrom('document_idempotency_keys').where('created_at', '<', before).executeTakeFirst()
  return Number(result.numDeletedRows)
}
