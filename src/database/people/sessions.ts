import { sql } from 'kysely'

import type { SessionId, Sha256, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

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

type TokenLifetime = { issuedAt: Date; expiresAt: Date }

export async function insertSession(trx: Tx, userId: UserId, life: TokenLifetime): Promise<RefreshTokenRecord> {
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
export async function lockSession(trx: Tx, id: SessionId): Promise<void> {
  await trx.selectFrom('document_sessions').select('id').where('id', '=', id).forUpdate().execute()
}

export async function markTokenUsed(trx: Tx, id: string, used: { at: Date; successorId: string }): Promise<void> {
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

export type LockoutRule = { maxFailures: number; windowSeconds: number; lockSeconds: number }

/**
 * What failures and logins of an e-mail are counted under, and how a refused login is named in the audit trail, which must not
 * collect e-mails of strangers. Made by the database, which finds accounts: what it takes for one e-mail is one here.
 */
export async function digestEmail(db: Db | Tx, email: string): Promise<Sha256> {
  const { rows } = await sql<{ digest: Sha256 }>`
    select encode(sha256(convert_to(lower(${email}::text), 'UTF8')), 'hex') as digest`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database made no digest')
  return row.digest
}

/** Until when this e-mail is locked out; undefined when it is not. */
export async function findLockout(db: Db | Tx, emailDigest: Sha256, now: Date): Promise<Date | undefined> {
  const row = await db
    .selectFrom('document_login_failures')
    .select('locked_until')
    .where('email_sha256', '=', emailDigest)
    .where('locked_until', '>', now)
    .executeTakeFirst()
  return row?.locked_until ?? undefined
}

export type FailureCount = { failures: number; lockedUntil: Date | null }

/**
 * Counts one more failure in one statement, so that guesses made at the same moment all count. It counts with those of
 * the window that ends now; while a lock lasts with all that led to it, and once it has ended with none of them.
 */
export async function countFailure(db: Db, emailDigest: Sha256, rule: LockoutRule, now: Date): Promise<FailureCount> {
  const windowBegan = sql`${now}::timestamptz - make_interval(secs => ${rule.windowSeconds})`
  const lockEnd = sql`${now}::timestamptz + make_interval(secs => ${rule.lockSeconds})`
  const isLocked = sql`f.locked_until > ${now}`
  const counting = sql`array(
    select at from unnest(f.failed_at) as at
    where case when f.locked_until is null then at > ${windowBegan} else ${isLocked} end
  ) || ${now}::timestamptz`
  const { rows } = await sql<FailureCount>`
    insert into document_login_failures as f (email_sha256, failed_at)
    values (${emailDigest}, array[${now}::timestamptz])
    on conflict (email_sha256) do update set
      failed_at = ${counting},
      locked_until = case
        when ${isLocked} then f.locked_until
        when cardinality(${counting}) >= ${rule.maxFailures} then ${lockEnd}
      end
    returning cardinality(failed_at) as failures, locked_until as "lockedUntil"`.execute(db)
  return rows[0] ?? { failures: 1, lockedUntil: null }
}

/**
 * Forgets the failures of an e-mail whose password was right, unless it is locked out by now: false then. It waits for
 * a failure that is being counted, so a right guess among many at once does not slip past the tenth wrong one.
 */
export async function clearFailures(trx: Tx, emailDigest: Sha256, now: Date): Promise<boolean> {
  await trx
    .selectFrom('document_login_failures')
    .select('locked_until')
    .where('email_sha256', '=', emailDigest)
    .forUpdate()
    .execute()
  if ((await findLockout(trx, emailDigest, now)) !== undefined) return false
  await removeFailures(trx, emailDigest)
  return true
}

/** Ends a lockout too: for a new password that the operator has set. */
export async function removeFailures(trx: Tx, emailDigest: Sha256): Promise<void> {
  await trx.deleteFrom('document_login_failures').where('email_sha256', '=', emailDigest).execute()
}

/** A system task: counts that no longer matter. */
export async function removeFailuresBefore(db: Db, before: Date): Promise<void> {
  await sql`
    delete from document_login_failures
    where ${before} > all (failed_at) and (locked_until is null or locked_until < ${before})`.execute(db)
}
