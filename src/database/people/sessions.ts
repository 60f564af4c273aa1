import { sql } from 'kysely'

import type { SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { insertRefreshToken, type RefreshTokenRecord, type TokenLifetime } from './refresh-tokens.ts'

/** Starts a session and returns its first refresh token. */
export async function insertSession(trx: Tx, userId: UserId, lifetime: TokenLifetime): Promise<RefreshTokenRecord> {
  const { id: sessionId } = await trx
    .insertInto('document_sessions')
    .values({ id: sql<SessionId>`gen_random_uuid()`, user_id: userId, started_at: lifetime.issuedAt })
    .returning('id')
    .executeTakeFirstOrThrow()
  return await insertRefreshToken(trx, { sessionId, userId }, lifetime)
}

/**
 * Locks a session until the transaction ends, so that of two concurrent refreshes or logouts the second sees the result of
 * the first. A transaction that also locks the account locks the account first.
 */
export async function lockSession(trx: Tx, id: SessionId): Promise<void> {
  await trx.selectFrom('document_sessions').select('id').where('id', '=', id).forUpdate().execute()
}

/** False when it had already ended. */
export async function endSession(trx: Tx, id: SessionId, at: Date): Promise<boolean> {
  const result = await trx
    .updateTable('document_sessions')
    .set({ ended_at: at })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** False when no session was open. */
export async function endSessionsOf(trx: Tx, userId: UserId, at: Date): Promise<boolean> {
  // Always in the order of their ids, so that two such transactions cannot deadlock.
  await sql`select from document_sessions where user_id = ${userId} and ended_at is null order by id for update`.execute(
    trx,
  )
  const result = await trx
    .updateTable('document_sessions')
    .set({ ended_at: at })
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** A system task: deletes expired refresh tokens, and sessions without any token. */
export async function removeExpiredSessions(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('document_refresh_tokens').where('expires_at', '<', now).execute()
  await sql`
    delete from document_sessions s where s.started_at < ${now}
      and not exists (select from document_refresh_tokens t where t.session_id = s.id)`.execute(db)
}
