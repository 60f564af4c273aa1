import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Tx } from '../connection/client.ts'

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
