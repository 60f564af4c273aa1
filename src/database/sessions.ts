import { sql } from 'kysely'

import type { SessionId, UserId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'

/** One refresh token as its row has it; the token itself is signed anew from these whenever it is given out. */
export type RefreshTokenRecord = {
  id: string
  sessionId: SessionId
  userId: UserId
  issuedAt: Date
  expiresAt: Date
}

export type RefreshTokenState = RefreshTokenRecord & {
  usedAt: Date | null
  successorId: string | null
  sessionEndedAt: Date | null
}

type Life = { issuedAt: Date; expiresAt: Date }

export async function insertSession(trx: Tx, userId: UserId, life: Life): Promise<RefreshTokenRecord> {
  const { id: sessionId } = await trx
    .insertInto('document_sessions')
    .values({ id: sql<SessionId>`gen_random_uuid()`, user_id: userId, started_at: life.issuedAt })
    .returning('id')
    .executeTakeFirstOrThrow()
  return await insertRefreshToken(trx, { sessionId, userId }, life)
}

export async function insertRefreshToken(
  trx: Tx,
  { sessionId, userId }: { sessionId: SessionId; userId: UserId },
  { issuedAt, expiresAt }: Life,
): Promise<RefreshTokenRecord> {
  const { id } = await trx
    .insertInto('document_refresh_tokens')
    .values({
      id: sql<string>`gen_random_uuid()`,
      session_id: sessionId,
      issued_at: issuedAt,
      expires_at: expiresAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id, sessionId, userId, issuedAt, expiresAt }
}

/** The token as it is now. Its session and its person never change; whether it counts may, unless the session is held. */
export async function findRefreshToken(trx: Tx, id: string): Promise<RefreshTokenState | undefined> {
  return await trx
    .selectFrom('document_refresh_tokens as token')
    .innerJoin('document_sessions as session', 'session.id', 'token.session_id')
    .select([
      'token.id',
      'token.session_id as sessionId',
      'session.user_id as userId',
      'token.issued_at as issuedAt',
      'token.expires_at as expiresAt',
      'token.used_at as usedAt',
      'token.successor_id as successorId',
      'session.ended_at as sessionEndedAt',
    ])
    .where('token.id', '=', id)
    .executeTakeFirst()
}

/**
 * Locks a session until the transaction ends: of two who renew or end it at once, on whatever instance, the second
 * sees what the first did. Who also holds the account holds it first.
 */
export async function holdSession(trx: Tx, id: SessionId): Promise<void> {
  await trx.selectFrom('document_sessions').select('id').where('id', '=', id).forUpdate().execute()
}

export async function markUsed(trx: Tx, id: string, used: { at: Date; successorId: string }): Promise<void> {
  await trx
    .updateTable('document_refresh_tokens')
    .set({ used_at: used.at, successor_id: used.successorId })
    .where('id', '=', id)
    .execute()
}

/** False: it had ended before. */
export async function endSession(trx: Tx, id: SessionId, at: Date): Promise<boolean> {
  const result = await trx
    .updateTable('document_sessions')
    .set({ ended_at: at })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** False: none was open. */
export async function endSessionsOf(trx: Tx, userId: UserId, at: Date): Promise<boolean> {
  // In one order, so that two who end them all at once do not wait for each other.
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

/** A system task: tokens past their life, and sessions that have none left. */
export async function removeExpiredSessions(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('document_refresh_tokens').where('expires_at', '<', now).execute()
  await sql`
    delete from document_sessions s where s.started_at < ${now}
      and not exists (select from document_refresh_tokens t where t.session_id = s.id)`.execute(db)
}
