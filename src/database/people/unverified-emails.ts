import { type RawBuilder, sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** SQL: whether a person registered while mail was on and has not verified their e-mail. Everybody else counts as verified. */
export const isEmailUnverified = (userId: UserId | RawBuilder<unknown>): RawBuilder<boolean> =>
  sql<boolean>`exists (select from document_unverified_emails u where u.user_id = ${userId})`

/** For a new account. */
export async function insertUnverifiedEmail(trx: Tx, userId: UserId): Promise<void> {
  await trx.insertInto('document_unverified_emails').values({ user_id: userId }).execute()
}

/** False if the e-mail counts as verified already. */
export async function verifyEmailOf(trx: Tx, userId: UserId): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('document_unverified_emails')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** The e-mail that a person has not verified; undefined if it counts as verified. */
export async function findUnverifiedEmail(db: Db | Tx, userId: UserId): Promise<string | undefined> {
  const row = await db
    .selectFrom('document_unverified_emails as u')
    .innerJoin('registered_users as r', 'r.id', 'u.user_id')
    .select('r.email')
    .where('u.user_id', '=', userId)
    .executeTakeFirst()
  return row?.email
}
