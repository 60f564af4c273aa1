import { type RawBuilder, sql } from 'kysely'

import type { ApiKeyId, Caller, Restriction, SessionId, UserId } from '../../vocabulary/vocabulary.ts'

/** SQL: the mark of a password hash in a session. Any change of the hash ends the session. */
export const passwordMark = (hash: RawBuilder<unknown>): RawBuilder<Buffer> =>
  sql<Buffer>`sha256(convert_to(coalesce(${hash}, ''), 'UTF8'))`

/** SQL: whether a session ended or its person's password hash changed. No token outlives the expiry of its session. */
export const isSessionOver = (session: string, hash: RawBuilder<unknown>): RawBuilder<boolean> =>
  sql<boolean>`(${sql.ref(`${session}.ended_at`)} is not null
    or ${sql.ref(`${session}.password_mark`)} is distinct from ${passwordMark(hash)})`

/** The caller of one request, or of each request of a batch: then the ids are columns of the statement. */
export type CallerInSql = {
  [Id in 'userId' | 'sessionId' | 'apiKeyId']: Caller[Id] | RawBuilder<NonNullable<Caller[Id]>>
} & Pick<Caller, 'secondFactor'>

/** SQL: the callers of a batch, as columns of `asked`. A batch without an API key does not look for one. */
export function callerOfEach(callers: readonly Caller[]): CallerInSql {
  const userId = sql.ref<UserId>('asked.user_id')
  const sessionId = sql.ref<SessionId>('asked.session_id')
  const withKey = callers.find(({ apiKeyId }) => apiKeyId !== undefined)
  if (withKey === undefined) return { userId, sessionId, apiKeyId: undefined }
  // The setting of this process, so the same for all.
  const { secondFactor = 'off' } = withKey
  return { userId, sessionId, apiKeyId: sql.ref<ApiKeyId>('asked.api_key_id'), secondFactor }
}

/** The columns of `sessionOf`, always in one row. */
type SessionRow = { isOver: boolean; restriction: Restriction | null }

/** SQL: the state of a token’s session. An unknown session is over; a token without one is valid. */
export const sessionOf = (
  { userId, sessionId }: CallerInSql,
  hash: RawBuilder<unknown>,
): RawBuilder<SessionRow> => sql<SessionRow>`(
  select token_session.id is not null and coalesce(${isSessionOver('s', hash)}, true) as "isOver", s.restriction
  from (select ${sessionId ?? null}::uuid as id) as token_session
  left join document_sessions s on s.id = token_session.id and s.user_id = ${userId}
)`
