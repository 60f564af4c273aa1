import { sql } from 'kysely'
import { z } from 'zod'

import type { IdentityId, Subject, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** A provider's subject that is linked to a registered user. */
export type Identity = Subject & {
  id: IdentityId
  userId: UserId
  /** Null: linked on the command line. */
  linkedBy: UserId | null
  linkedAt: Date
}

export type IdentityRecord = Identity & {
  /** The same time to the microsecond, for paging. */
  linkedAtExact: string
}

export type IdentityPage = { limit: number; after: { at: string; id: string } | undefined }

const identityColumns = sql<IdentityRecord>`
  id, issuer, subject, user_id as "userId", linked_by as "linkedBy", linked_at as "linkedAt",
  linked_at::text as "linkedAtExact"`

const uuid = z.guid()

/**
 * The registered user of a provider's subject: the linked one, else the user whose id the subject is. Never personnel, and
 * never a user with the same e-mail.
 */
export async function findPersonByLinkOrOwnId(db: Db | Tx, { issuer, subject }: Subject): Promise<UserId | undefined> {
  const ownId = uuid.safeParse(subject).data ?? null
  const { rows } = await sql<{ id: UserId }>`
    select id from registered_users where id = coalesce(
      (select user_id from document_identities where issuer = ${issuer} and subject = ${subject}), ${ownId}::uuid)`.execute(
    db,
  )
  return rows[0]?.id
}

export async function findIdentity(db: Db | Tx, { issuer, subject }: Subject): Promise<Identity | undefined> {
  const { rows } = await sql<IdentityRecord>`
    select ${identityColumns} from document_identities where issuer = ${issuer} and subject = ${subject}`.execute(db)
  return rows[0]
}

/** Undefined when the subject is already linked. */
export async function insertIdentity(
  trx: Tx,
  { issuer, subject, userId, linkedBy }: Subject & Pick<Identity, 'userId' | 'linkedBy'>,
): Promise<Identity | undefined> {
  const { rows } = await sql<IdentityRecord>`
    insert into document_identities (issuer, subject, user_id, linked_by)
    values (${issuer}, ${subject}, ${userId}, ${linkedBy})
    on conflict (issuer, subject) do nothing
    returning ${identityColumns}`.execute(trx)
  return rows[0]
}

/** Newest first. The caller must have checked the right. */
export async function listIdentitiesOf(
  db: Db,
  userId: UserId,
  { limit, after }: IdentityPage,
): Promise<IdentityRecord[]> {
  const { rows } = await sql<IdentityRecord>`
    select ${identityColumns} from document_identities
    where user_id = ${userId}
      and ${after === undefined ? sql`true` : sql`(linked_at, id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by linked_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/** Undefined if there is no such link, or it belongs to another person. */
export async function deleteIdentity(
  trx: Tx,
  { id, userId }: Pick<Identity, 'id' | 'userId'>,
): Promise<Identity | undefined> {
  const { rows } = await sql<IdentityRecord>`
    delete from document_identities where id = ${id} and user_id = ${userId} returning ${identityColumns}`.execute(trx)
  return rows[0]
}
