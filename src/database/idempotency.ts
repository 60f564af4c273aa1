import { sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'

export type IdempotencyScope = { firmId: FirmId; userId: UserId; route: 'documents' | 'versions'; key: string }

export type RememberedAnswer = { fingerprint: string; documentId: DocumentId; version: number }

const life = sql`interval '7 days'`

/**
 * Remembers the answer under the key, in the transaction that makes it true. False when another was first; waits for one
 * that is not decided yet. A key that is over is free.
 */
export async function rememberAnswer(trx: Tx, scope: IdempotencyScope, answer: RememberedAnswer): Promise<boolean> {
  const { rows } = await sql`
    insert into document_idempotency_keys as old (firm_id, user_id, route, key, fingerprint, document_id, version)
    values (${scope.firmId}, ${scope.userId}, ${scope.route}, ${scope.key}, ${answer.fingerprint},
      ${answer.documentId}, ${answer.version})
    on conflict (firm_id, user_id, route, key) do update set
      fingerprint = excluded.fingerprint, document_id = excluded.document_id, version = excluded.version,
      created_at = excluded.created_at
    where old.created_at < now() - ${life}
    returning 1`.execute(trx)
  return rows.length === 1
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
    .where(sql<boolean>`created_at >= now() - ${life}`)
    .executeTakeFirst()
}

/** For the housekeeping: keys older than seven days are free again. */
export async function forgetOldAnswers(db: Db, before: Date): Promise<number> {
  const result = await db.deleteFrom('document_idempotency_keys').where('created_at', '<', before).executeTakeFirst()
  return Number(result.numDeletedRows)
}
