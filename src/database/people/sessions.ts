import { sql } from 'kysely'

import type { Caller, Restriction, SessionId, Subject, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { insertRefreshToken, type RefreshTokenRecord } from './refresh-tokens.ts'
import { isSessionOver, passwordMark } from './session-state.ts'

export type NewSession = {
  userId: UserId
  startedAt: Date
  lastUsedAt: Date
  expiresAt: Date
  restriction: Restriction | null
  visitor: Visitor
  /** Of more open sessions of the person, those end that were not used for longest. */
  maxSessions: number
  /** The login at a provider that begins it; undefined: a login of this service. */
  subject?: Subject | undefined
}

/** Starts a session and returns its first refresh token. The caller has locked the account. */
export async function insertSession(trx: Tx, session: NewSession): Promise<RefreshTokenRecord> {
  const { userId, startedAt, lastUsedAt, expiresAt, restriction, visitor, maxSessions, subject } = session
  const { rows } = await sql<{ id: SessionId }>`
    insert into document_sessions (id, user_id, started_at, expires_at, last_used_at, proven_at, ip, user_agent, password_mark,
      restriction, openid_issuer, openid_subject)
    select gen_random_uuid(), r.id, ${startedAt}, ${expiresAt}, ${lastUsedAt}, ${startedAt}, ${visitor.ip}, ${visitor.userAgent},
      ${passwordMark(sql`r.password_hash`)}, ${restriction}, ${subject?.issuer ?? null}, ${subject?.subject ?? null}
    from registered_users r where r.id = ${userId}
    returning id`.execute(trx)
  const [row] = rows
  if (row === undefined) throw new Error('a session needs an account')
  await sql`
    update document_sessions set ended_at = ${startedAt} where id in (
      select id from document_sessions where user_id = ${userId} and ended_at is null
      order by last_used_at desc, id offset ${maxSessions} for update skip locked)`.execute(trx)
  return await insertRefreshToken(trx, { sessionId: row.id, userId }, { issuedAt: startedAt, expiresAt })
}

type SessionUse = { at: Date; expiresAt: Date; restriction: Restriction | null; visitor: Visitor }

/** Records a refresh. */
export async function updateSession(trx: Tx, id: SessionId, use: SessionUse): Promise<void> {
  await trx
    .updateTable('document_sessions')
    .set({
      last_used_at: use.at,
      expires_at: use.expiresAt,
      restriction: use.restriction,
      ip: use.visitor.ip,
      user_agent: use.visitor.userAgent,
    })
    .where('id', '=', id)
    .execute()
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

/** Ends every session of a person but `except`. False when no session was open. */
export async function endSessionsOf(trx: Tx, userId: UserId, at: Date, except?: SessionId): Promise<boolean> {
  // Always in the order of their ids, so that two such transactions cannot deadlock.
  await sql`select from document_sessions where user_id = ${userId} and ended_at is null order by id for update`.execute(
    trx,
  )
  const result = await trx
    .updateTable('document_sessions')
    .set({ ended_at: at })
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .$if(except !== undefined, (query) => query.where('id', '!=', except ?? null))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** After a change of the password by this session itself: it goes on. */
export async function renewPasswordMark(trx: Tx, { userId, sessionId }: Caller): Promise<void> {
  await sql`
    update document_sessions s set password_mark = ${passwordMark(sql`r.password_hash`)}
    from registered_users r where r.id = ${userId} and s.user_id = r.id and s.id = ${sessionId ?? null}`.execute(trx)
}

/** A session that a provider's login began has no restriction. */
export async function setRestriction(trx: Tx, id: SessionId, restriction: Restriction | null): Promise<void> {
  const change = trx.updateTable('document_sessions').set({ restriction })
  await change.where('id', '=', id).where('openid_subject', 'is', null).execute()
}

/** After the link to their person is gone. The caller has locked the account against logins. */
export async function endSessionsOfSubject(
  trx: Tx,
  { issuer, subject, userId }: Subject & { userId: UserId },
  at: Date,
): Promise<void> {
  await sql`
    update document_sessions set ended_at = ${at} where id in (
      select id from document_sessions
      where user_id = ${userId} and openid_issuer = ${issuer} and openid_subject = ${subject} and ended_at is null
      order by id for update)`.execute(trx)
}

/** When the person of an open session last proved that it is them. */
export async function findProof(db: Db | Tx, id: SessionId): Promise<Date | undefined> {
  const session = db.selectFrom('document_sessions').select('proven_at').where('id', '=', id)
  return (await session.executeTakeFirst())?.proven_at
}

export async function renewProof(trx: Tx, id: SessionId, at: Date): Promise<void> {
  await trx.updateTable('document_sessions').set({ proven_at: at }).where('id', '=', id).execute()
}

export type OpenSession = { id: SessionId; startedAt: Date; lastUsedAt: Date; ip: string; userAgent: string }

/** The open sessions of a person, the last used first. */
export async function listSessions(db: Db, userId: UserId, now: Date): Promise<OpenSession[]> {
  const { rows } = await sql<OpenSession>`
    select s.id, s.started_at as "startedAt", s.last_used_at as "lastUsedAt", s.ip, s.user_agent as "userAgent"
    from document_sessions s join registered_users r on r.id = s.user_id
    where s.user_id = ${userId} and s.expires_at > ${now} and not ${isSessionOver('s', sql`r.password_hash`)}
    order by s.last_used_at desc, s.id`.execute(db)
  return rows
}

/** Ends an open session of this person. False when the person has no such open session. */
export async function endOwnSession(trx: Tx, userId: UserId, id: SessionId, at: Date): Promise<boolean> {
  const result = await trx
    .updateTable('document_sessions')
    .set({ ended_at: at })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', at)
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
