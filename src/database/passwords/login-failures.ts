import { sql } from 'kysely'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { digestOfEmail } from '../people/emails.ts'

export type LockoutRule = { maxFailures: number; windowSeconds: number; lockSeconds: number }

/**
 * The key of an e-mail's failures and rate limits. The audit trail records it for a denied login, because the trail must not
 * collect the e-mails of strangers. Calculated by the database, so that it lowers an e-mail exactly as the search for an
 * account does.
 */
export async function digestEmail(db: Db | Tx, email: string): Promise<Sha256> {
  const { rows } = await sql<{ digest: Sha256 }>`
    select ${digestOfEmail(email)} as digest`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no digest')
  return row.digest
}

/** When the lockout of this e-mail ends; undefined without a lockout. */
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
 * Counts one failure in one statement, so that concurrent guesses all count. The count has the failures of the window that
 * ends now. During a lockout it has all failures that led to it; after the lockout it starts again.
 */
export async function countFailure(db: Db, emailDigest: Sha256, rule: LockoutRule, now: Date): Promise<FailureCount> {
  const windowStart = sql`${now}::timestamptz - make_interval(secs => ${rule.windowSeconds})`
  const lockEnd = sql`${now}::timestamptz + make_interval(secs => ${rule.lockSeconds})`
  const isLocked = sql`f.locked_until > ${now}`
  const counting = sql`array(
    select at from unnest(f.failed_at) as at
    where case when f.locked_until is null then at > ${windowStart} else ${isLocked} end
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
 * Deletes the failures of an e-mail after a correct password. Returns false, and deletes nothing, during a lockout. It waits
 * for a failure that is being counted, so a correct guess among many concurrent ones does not evade the lockout.
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

/** Also ends a lockout, for a password that an operator set. */
export async function removeFailures(trx: Tx, emailDigest: Sha256): Promise<void> {
  await trx.deleteFrom('document_login_failures').where('email_sha256', '=', emailDigest).execute()
}

/** A system task: deletes failures that no longer count. */
export async function removeFailuresBefore(db: Db, before: Date): Promise<void> {
  await sql`
    delete from document_login_failures
    where ${before} > all (failed_at) and (locked_until is null or locked_until < ${before})`.execute(db)
}
