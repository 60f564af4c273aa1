import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { passwordMark } from '../people/session-state.ts'

/** `digest`: of the challenge, which only the client has. The caller has locked the account. */
type NewLoginChallenge = { digest: Buffer; userId: UserId; expiresAt: Date }

export async function insertLoginChallenge(trx: Tx, { digest, userId, expiresAt }: NewLoginChallenge): Promise<void> {
  await sql`
    insert into document_login_challenges (token_sha256, user_id, password_mark, expires_at)
    select ${digest}, r.id, ${passwordMark(sql`r.password_hash`)}, ${expiresAt}
    from registered_users r where r.id = ${userId}`.execute(trx)
}

export type AttemptRule = { maxAttempts: number; now: Date }

/**
 * Spends one attempt before its code is compared, so that no more codes are compared at once either. Returns the person;
 * undefined when the challenge is unknown, used, expired or out of attempts.
 */
export async function spendAttempt(
  db: Db,
  digest: Buffer,
  { maxAttempts, now }: AttemptRule,
): Promise<UserId | undefined> {
  const { rows } = await sql<{ userId: UserId }>`
    update document_login_challenges set attempts = attempts + 1
    where token_sha256 = ${digest} and expires_at > ${now} and attempts < ${maxAttempts}
    returning user_id as "userId"`.execute(db)
  return rows[0]?.userId
}

/** Ends a challenge. False when it has ended, or the password changed since. */
export async function endLoginChallenge(trx: Tx, digest: Buffer): Promise<boolean> {
  const { rows } = await sql<{ isSame: boolean }>`
    delete from document_login_challenges c using registered_users r
    where c.token_sha256 = ${digest} and r.id = c.user_id
    returning c.password_mark = ${passwordMark(sql`r.password_hash`)} as "isSame"`.execute(trx)
  return rows[0]?.isSame === true
}
