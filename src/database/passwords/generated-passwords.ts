import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { passwordMark } from '../people/session-state.ts'

/** Remembers that the current password of a person was generated, or is a temporary one: they must change it first. */
export async function markPasswordAsGenerated(trx: Tx, userId: UserId): Promise<void> {
  await sql`
    insert into document_generated_passwords (user_id, password_mark)
    select id, ${passwordMark(sql`password_hash`)} from registered_users where id = ${userId}
    on conflict (user_id) do update set password_mark = excluded.password_mark`.execute(trx)
}

/** Whether the person still has the generated or temporary password. */
export async function hasGeneratedPassword(db: Db | Tx, userId: UserId): Promise<boolean> {
  const { rows } = await sql`
    select from document_generated_passwords g join registered_users r on r.id = g.user_id
    where g.user_id = ${userId} and g.password_mark = ${passwordMark(sql`r.password_hash`)}`.execute(db)
  return rows.length > 0
}

export async function forgetGeneratedPassword(trx: Tx, userId: UserId): Promise<void> {
  await sql`delete from document_generated_passwords where user_id = ${userId}`.execute(trx)
}
