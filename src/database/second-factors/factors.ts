import { sql } from 'kysely'

import type { SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** The second factors of a person. Recovery codes alone are none. */
export type Factors = { hasTotp: boolean; passkeys: number; recoveryCodes: number }

export async function findFactors(db: Db | Tx, userId: UserId): Promise<Factors> {
  const { rows } = await sql<Factors>`
    select
      exists (select from document_totp where user_id = ${userId} and confirmed_at is not null) as "hasTotp",
      (select count(*)::integer from document_passkeys where user_id = ${userId}) as passkeys,
      (select count(*)::integer from document_recovery_codes where user_id = ${userId} and used_at is null)
        as "recoveryCodes"`.execute(db)
  return rows[0] ?? { hasTotp: false, passkeys: 0, recoveryCodes: 0 }
}

/** Whether the person has a second factor. */
export function isEnrolled({ hasTotp, passkeys }: Factors): boolean {
  return hasTotp || passkeys > 0
}

/**
 * Locks the account against logins and other changes of its factors, until the transaction ends. A login that began earlier
 * ends first; a later one sees the change.
 */
export async function lockFactors(trx: Tx, userId: UserId): Promise<void> {
  await sql`select from registered_users where id = ${userId} for no key update`.execute(trx)
}

/** Removes every factor, recovery code and unfinished login of a person. */
export async function deleteFactors(trx: Tx, userId: UserId): Promise<void> {
  await sql`delete from document_totp where user_id = ${userId}`.execute(trx)
  await sql`delete from document_passkeys where user_id = ${userId}`.execute(trx)
  await sql`delete from document_recovery_codes where user_id = ${userId}`.execute(trx)
  await sql`delete from document_login_challenges where user_id = ${userId}`.execute(trx)
  await sql`delete from document_passkey_challenges where user_id = ${userId}`.execute(trx)
}

/** Restricts every open session of a person who has no second factor any more, and needs one. */
export async function restrictSessions(trx: Tx, userId: UserId): Promise<void> {
  await lockOpenSessions(trx, userId)
  await sql`
    update document_sessions set restriction = 'second_factor_required'
    where user_id = ${userId} and ended_at is null and restriction is null and openid_subject is null`.execute(trx)
}

/** Ends the restricted sessions of a person but one: a password alone started them, and it is not enough any more. */
export async function endRestrictedSessions(trx: Tx, userId: UserId, at: Date, except: SessionId | undefined) {
  await lockOpenSessions(trx, userId)
  await sql`
    update document_sessions set ended_at = ${at}
    where user_id = ${userId} and ended_at is null and restriction = 'second_factor_required'
      and id is distinct from ${except ?? null}::uuid`.execute(trx)
}

/** In the order of their ids, like every transaction that changes several, so that two cannot deadlock. */
async function lockOpenSessions(trx: Tx, userId: UserId): Promise<void> {
  await sql`select from document_sessions where user_id = ${userId} and ended_at is null order by id for update`.execute(
    trx,
  )
}

/** A system task: deletes expired challenges. */
export async function removeExpiredChallenges(db: Db, now: Date): Promise<void> {
  await sql`delete from document_login_challenges where expires_at < ${now}`.execute(db)
  await sql`delete from document_passkey_challenges where expires_at < ${now}`.execute(db)
}

/** Earlier codes of the person stop working. */
export async function replaceRecoveryCodes(trx: Tx, userId: UserId, digests: Buffer[]): Promise<void> {
  await deleteRecoveryCodes(trx, userId)
  await sql`
    insert into document_recovery_codes (user_id, code_sha256)
    select ${userId}, digest from unnest(${digests}::bytea[]) as digest`.execute(trx)
}

/** False when the person has no such unused code. */
export async function useRecoveryCode(trx: Tx, userId: UserId, digest: Buffer, at: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_recovery_codes set used_at = ${at}
    where user_id = ${userId} and code_sha256 = ${digest} and used_at is null`.execute(trx)
  return numAffectedRows === 1n
}

export async function deleteRecoveryCodes(trx: Tx, userId: UserId): Promise<void> {
  await sql`delete from document_recovery_codes where user_id = ${userId}`.execute(trx)
}
