import { sql } from 'kysely'

import type { SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Tx } from '../connection/client.ts'
import { isSessionOver } from './session-state.ts'

/** The row of a refresh token. The token itself is not stored: it is signed from these values each time it is issued. */
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
  sessionStartedAt: Date
  /** The provider whose login began the session. Null: a login of this service did. */
  issuer: string | null
  /** Ended, or its person's password changed. */
  isSessionOver: boolean
}

export type TokenLifetime = { issuedAt: Date; expiresAt: Date }

export async function insertRefreshToken(
  trx: Tx,
  { sessionId, userId }: { sessionId: SessionId; userId: UserId },
  { issuedAt, expiresAt }: TokenLifetime,
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

/** The current state of a token. It may change until its session is locked; the session and the person never change. */
export async function findRefreshToken(trx: Tx, id: string): Promise<RefreshTokenState | undefined> {
  return await trx
    .selectFrom('document_refresh_tokens as token')
    .innerJoin('document_sessions as session', 'session.id', 'token.session_id')
    .innerJoin('registered_users as person', 'person.id', 'session.user_id')
    .select([
      'token.id',
      'token.session_id as sessionId',
      'session.user_id as userId',
      'token.issued_at as issuedAt',
      'token.expires_at as expiresAt',
      'token.used_at as usedAt',
      'token.successor_id as successorId',
      'session.started_at as sessionStartedAt',
      'session.openid_issuer as issuer',
      isSessionOver('session', sql.ref('person.password_hash')).as('isSessionOver'),
    ])
    .where('token.id', '=', id)
    .executeTakeFirst()
}

export async function markTokenUsed(trx: Tx, id: string, used: { at: Date; successorId: string }): Promise<void> {
  await trx
    .updateTable('document_refresh_tokens')
    .set({ used_at: used.at, successor_id: used.successorId })
    .where('id', '=', id)
    .execute()
}
