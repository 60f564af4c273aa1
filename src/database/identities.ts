import { sql } from 'kysely'
import { z } from 'zod'

import type { Subject, UserId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'

const uuid = z.guid()

/**
 * The registered user whom a provider's subject stands for: by a link, else by being that user's id. Nobody else: not
 * the personnel, and not whoever has the same e-mail.
 */
export async function findPersonOfSubject(db: Db | Tx, { issuer, subject }: Subject): Promise<UserId | undefined> {
  const ownId = uuid.safeParse(subject).data ?? null
  const { rows } = await sql<{ id: UserId }>`
    select id from registered_users where id = coalesce(
      (select user_id from document_identities where issuer = ${issuer} and subject = ${subject}), ${ownId}::uuid)`.execute(
    db,
  )
  return rows[0]?.id
}
