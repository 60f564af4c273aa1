import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

export type StoredTotp = { sealedSecret: Buffer; isConfirmed: boolean }

export async function findTotp(db: Db | Tx, userId: UserId): Promise<StoredTotp | undefined> {
  const { rows } = await sql<StoredTotp>`
    select sealed_secret as "sealedSecret", confirmed_at is not null as "isConfirmed"
    from document_totp where user_id = ${userId}`.execute(db)
  return rows[0]
}

type NewTotp = { userId: UserId; sealedSecret: Buffer; at: Date }

/** Replaces an unconfirmed secret. False when a confirmed one exists. */
export async function storeUnconfirmedTotp(trx: Tx, { userId, sealedSecret, at }: NewTotp): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into document_totp as t (user_id, sealed_secret, created_at) values (${userId}, ${sealedSecret}, ${at})
    on conflict (user_id) do update set sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
    where t.confirmed_at is null`.execute(trx)
  return numAffectedRows === 1n
}

export async function deleteUnconfirmedTotp(trx: Tx, userId: UserId): Promise<void> {
  await sql`delete from document_totp where user_id = ${userId} and confirmed_at is null`.execute(trx)
}

/** `step`: of the code that proved the secret. */
type ProvenTotp = { userId: UserId; sealedSecret: Buffer; step: number }

/** False when it is confirmed already, or another secret replaced it. */
export async function confirmTotp(trx: Tx, { userId, sealedSecret, step }: ProvenTotp, at: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_totp set confirmed_at = ${at}, last_step = ${step}
    where user_id = ${userId} and confirmed_at is null and sealed_secret = ${sealedSecret}`.execute(trx)
  return numAffectedRows === 1n
}

/**
 * Accepts the code of a step, and stores the secret as it is sealed now. False when this or a later step was accepted
 * before, since a code that somebody saw is useless, or when another secret replaced the one that the code was checked with.
 */
export async function acceptTotpStep(
  trx: Tx,
  { userId, sealedSecret, step }: ProvenTotp,
  sealedAgain: Buffer,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_totp set last_step = ${step}, sealed_secret = ${sealedAgain}
    where user_id = ${userId} and confirmed_at is not null and sealed_secret = ${sealedSecret}
      and (last_step is null or last_step < ${step})`.execute(trx)
  return numAffectedRows === 1n
}

/** False when there is no confirmed one. */
export async function deleteTotp(trx: Tx, userId: UserId): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from document_totp where user_id = ${userId} and confirmed_at is not null`.execute(trx)
  return numAffectedRows === 1n
}
