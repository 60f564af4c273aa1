import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { digestOfEmail, isSameEmail } from '../people/emails.ts'
import { passwordMark } from '../people/session-state.ts'

/** The secret of a link, as it is stored: its hash, and what it is for. */
export type LinkToken = { sha256: Buffer; purpose: string; createdAt: Date; expiresAt: Date }

/**
 * Stores the secret of a link for the account with this e-mail, and returns the person with the e-mail of the account: only
 * there may the secret go. Undefined, and nothing is stored, if there is no such account, or it is locked or suspended.
 */
export async function insertAccountLink(
  db: Db,
  token: LinkToken,
  email: string,
): Promise<{ userId: UserId; email: string } | undefined> {
  const { rows } = await sql<{ userId: UserId; email: string }>`
    with person as (
      -- The account that a login with this e-mail finds.
      select id, email, password_hash, is_locked, is_suspended from registered_users
      where ${isSameEmail(sql.ref('email'), email)}
      order by (email = ${email}) desc, created_at limit 1
    )
    insert into document_link_tokens (sha256, purpose, subject_id, email_sha256, password_mark, created_at, expires_at)
    select ${token.sha256}, ${token.purpose}, person.id, ${digestOfEmail(sql`person.email`)}, ${passwordMark(sql`person.password_hash`)},
      ${token.createdAt}, ${token.expiresAt}
    from person where not person.is_locked and not person.is_suspended
    returning subject_id as "userId", (select person.email from person) as email`.execute(db)
  return rows[0]
}

/** Stores the secret of a link for an invitation. False, and nothing is stored, if it ended: then its link would show nothing. */
export async function insertInvitationLink(
  db: Db | Tx,
  token: LinkToken,
  { subjectId, email }: { subjectId: string; email: string },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into document_link_tokens (sha256, purpose, subject_id, email_sha256, created_at, expires_at)
    select ${token.sha256}, ${token.purpose}, i.id, ${digestOfEmail(email)}, ${token.createdAt}::timestamptz,
      ${token.expiresAt}::timestamptz
    from document_invitations i where i.id = ${subjectId} and i.expires_at > ${token.createdAt}::timestamptz`.execute(
    db,
  )
  return numAffectedRows === 1n
}

type PresentedLink = { sha256: Buffer; purpose: string; now: Date }

/**
 * The person of a link that still works. It works until it expires or is used, and while the person has the same e-mail and
 * the same password as when it was sent.
 */
export async function findAccountOfLink(
  db: Db | Tx,
  { sha256, purpose, now }: PresentedLink,
): Promise<UserId | undefined> {
  const { rows } = await sql<{ userId: UserId }>`
    select person.id as "userId" from document_link_tokens token join registered_users person on person.id = token.subject_id
    where token.sha256 = ${sha256} and token.purpose = ${purpose} and token.expires_at > ${now}
      and token.email_sha256 = ${digestOfEmail(sql`person.email`)}
      and token.password_mark = ${passwordMark(sql`person.password_hash`)}`.execute(db)
  return rows[0]?.userId
}

/** Deletes every link for the same thing. False if another request has just used this one. */
export async function useLink(
  trx: Tx,
  { subjectId, purpose, sha256 }: { subjectId: string; purpose: string; sha256: Buffer },
): Promise<boolean> {
  const deleted = await trx
    .deleteFrom('document_link_tokens')
    .where('subject_id', '=', subjectId)
    .where('purpose', '=', purpose)
    .returning('sha256')
    .execute()
  return deleted.some((link) => link.sha256.equals(sha256))
}

/** For what ended otherwise, such as an invitation that was accepted by its id. */
export async function deleteLinks(
  trx: Tx,
  { subjectId, purpose }: { subjectId: string; purpose: string },
): Promise<void> {
  await trx
    .deleteFrom('document_link_tokens')
    .where('subject_id', '=', subjectId)
    .where('purpose', '=', purpose)
    .execute()
}

/** A system task. */
export async function removeExpiredLinks(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('document_link_tokens').where('expires_at', '<', now).execute()
}
