import type { DocumentId, FirmId, UserId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'

export type IdempotencyScope = { firmId: FirmId; userId: UserId; route: 'documents' | 'versions'; key: string }

export type RememberedAnswer = { fingerprint: string; documentId: DocumentId; version: number }

/** Remembers the answer under the key, in the transaction that makes it true. False when another was first; waits for one that is not decided yet. */
export async function rememberAnswer(trx: Tx, scope: IdempotencyScope, answer: RememberedAnswer): Promise<boolean> {
  const result = await trx
    .insertInto('document_idempotency_keys')
    .values({
      firm_id: scope.firmId,
      user_id: scope.userId,
      route: scope.route,
      key: scope.key,
      fingerprint: answer.fingerprint,
      document_id: answer.documentId,
      version: answer.version,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** What was answered under this key, for seven days. */
export async function findAnswer(db: Db, scope: IdempotencyScope): Promise<RememberedAnswer | undefined> {
  return db
    .selectFrom('document_idempotency_keys')
    .select(['fingerprint', 'document_id as documentId', 'version'])
    .where('firm_id', '=', scope.firmId)
    .where('user_id', '=', scope.userId)
    .where('route', '=', scope.route)
    .where('key', '=', scope.key)
    .executeTakeFirst()
}

/** For the housekeeping: keys older than seven days are free again. */
export async function forgetOldAnswers(db: Db, before: Date): Promise<number> {
  const result = await db.deleteFrom('document_idempotency_keys').where('created_at', '<', before).executeTakeFirst()
  return Number(result.numDeletedRows)
}
