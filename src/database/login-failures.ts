import { sql } from 'kysely'

import type { Sha256 } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'

export type LockoutRule = { mostFailures: number; windowSeconds: number; lockSeconds: number }

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
        when cardinality(${counting}) >= ${rule.mostFailures} then ${lockEnd}
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
