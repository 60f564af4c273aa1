import { sql } from 'kysely'

import type { MailChoice, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** Which mails a person wants. Who chose nothing gets each at once. */
export async function findMailChoice(db: Db | Tx, userId: UserId): Promise<MailChoice> {
  const { rows } = await sql<{ mail: MailChoice }>`
    select mail from document_preferences where user_id = ${userId}`.execute(db)
  return rows[0]?.mail ?? 'at_once'
}

/** Returns the former choice, or undefined if there is no such person, and nothing is stored. */
export async function setMailChoice(
  trx: Tx,
  userId: UserId,
  { mail, at }: { mail: MailChoice; at: Date },
): Promise<MailChoice | undefined> {
  const { rows } = await sql<{ mail: MailChoice | null }>`
    with person as (
      select ${userId}::uuid as id where exists (select from registered_users where id = ${userId})
        or exists (select from document_personnel(${userId}))
    ),
    former as (select mail from document_preferences where user_id = ${userId} for update),
    chosen as (
      insert into document_preferences (user_id, mail, changed_at) select id, ${mail}, ${at} from person
      on conflict (user_id) do update set mail = excluded.mail, changed_at = excluded.changed_at
    )
    select former.mail from person left join former on true`.execute(trx)
  return rows[0] && (rows[0].mail ?? 'at_once')
}
