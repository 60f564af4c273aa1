import { sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'

export type IdempotencyScope = { firmId: FirmId; userId: UserId; route: 'documents' | 'versions'; key: string }

export type StoredAnswer = { fingerprint: string; documentId: DocumentId; version: number }

/** SQL: for how long a key stands for its answer. */
export const idempotencyKeyLifetime = sql`interval '7 days'`

/** What was answered under this key, for seven days. */
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

/** For the housekeeping: keys older than seven days are free again. */
export async function deleteExpiredIdempotencyKeys(db: Db, before: Date): Promise<number> {
  const result = await db.deleteFrom('document_idempotency_keys').where('created_at', '<', before).executeTakeFirst()
  return Number(result.numDeletedRows)
}
