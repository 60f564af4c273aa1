import { sql } from 'kysely'

import type { FirmId, FirmRole, MemberStatus, Sha256, Subject, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { digestOfEmail, foldEmail, isSameEmail } from '../people/emails.ts'

/** What finds a person's data besides their id. Empty for a person whose row is gone. */
export type PersonKeys = {
  email: string | undefined
  emailDigest: Sha256 | undefined
  /** Logins of an OpenID provider that are or were linked. Two providers may use the same subject for different people. */
  subjects: Subject[]
}

/** Of a registered user, or of the platform's personnel. */
export async function findPersonKeys(db: Db | Tx, userId: UserId): Promise<PersonKeys> {
  const { rows } = await sql<{ email: string | null; emailDigest: Sha256 | null; subjects: Subject[] }>`
    select person.email, ${digestOfEmail(sql`person.email`)} as "emailDigest",
      (select coalesce(jsonb_agg(login), '[]') from (
        select issuer, subject from document_identities where user_id = ${userId}
        union
        select fields ->> 'issuer', fields ->> 'subject' from document_event_persons
        -- As in its index, in which the field about comes first.
        where coalesce(fields ->> 'about', fields ->> 'email_sha256', fields ->> 'subject') = ${userId}::text
          and fields ->> 'about' = ${userId}::text and fields ->> 'subject' is not null
      ) as login) as subjects
    from (
      select coalesce(
        (select email from registered_users where id = ${userId}), (select email from document_personnel(${userId}))
      ) as email
    ) as person`.execute(db)
  const [row] = rows
  return { email: row?.email ?? undefined, emailDigest: row?.emailDigest ?? undefined, subjects: row?.subjects ?? [] }
}

/** Whether the trail or a former erasure knows an id that has no account any more. */
export async function hasTraces(db: Db | Tx, userId: UserId): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from document_erasures where user_id = ${userId})
      or exists (select from document_events where actor_id = ${userId}) as has`.execute(db)
  return rows[0]?.has === true
}

/** One erasure, lock or platform role at a time, so that two administrators cannot erase or lock each other. */
export async function lockErasures(trx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('paniq-documents erasure'))`.execute(trx)
}

/** Also against new memberships, which refer to the account. Logins and changes of second factors wait too. */
export async function lockWholeAccount(trx: Tx, userId: UserId): Promise<void> {
  await sql`select from registered_users where id = ${userId} for update`.execute(trx)
}

/** Whether no other registered user could act as an administrator. */
export async function isLastAdministrator(trx: Tx, userId: UserId): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`
    select exists (select from registered_users where id = ${userId} and ${isActiveAdministrator})
      and not exists (select from registered_users where id <> ${userId} and ${isActiveAdministrator}) as is`.execute(
    trx,
  )
  return rows[0]?.is === true
}

const isActiveAdministrator = sql`(role = 'admin' and not is_locked and not is_suspended)`

/** Locks the members of every firm of a person, in the order of their ids, so that two such transactions cannot deadlock. */
export async function lockFirmsOf(trx: Tx, userId: UserId): Promise<FirmId[]> {
  const { rows } = await sql<{ id: FirmId }>`
    select id from security_firms where id in (select firm_id from firm_users where user_id = ${userId})
    order by id for no key update`.execute(trx)
  return rows.map(({ id }) => id)
}

/** Whether the person is in a firm besides these. */
export async function isInOtherFirm(trx: Tx, userId: UserId, firms: FirmId[]): Promise<boolean> {
  const { rows } = await sql`
    select from firm_users where user_id = ${userId} and firm_id <> all (${firms}::uuid[]) limit 1`.execute(trx)
  return rows.length > 0
}

export type EndedMembership = { firmId: FirmId; role: FirmRole; status: MemberStatus }

/** The caller has locked the firms and the account. */
export async function listFirmsWithoutOtherAdmin(trx: Tx, userId: UserId): Promise<{ id: FirmId; name: string }[]> {
  const { rows } = await sql<{ id: FirmId; name: string }>`
    select firm.id, firm.name from security_firms firm
    where exists (select from firm_users mine where ${isActiveAdmin('mine')} and mine.user_id = ${userId})
      and not exists (select from firm_users other where ${isActiveAdmin('other')} and other.user_id <> ${userId})
    order by firm.name, firm.id`.execute(trx)
  return rows
}

const isActiveAdmin = (row: string) => sql`(${sql.ref(`${row}.firm_id`)} = firm.id
  and ${sql.ref(`${row}.role`)} = 'firm_admin' and ${sql.ref(`${row}.status`)} = 'active')`

export async function deleteMemberships(trx: Tx, userId: UserId): Promise<EndedMembership[]> {
  const { rows } = await sql<EndedMembership>`
    delete from firm_users where user_id = ${userId} returning firm_id as "firmId", role, status`.execute(trx)
  return rows
}

/**
 * Replaces what names the person. Nobody can log in to the account any more: it has no password and is locked. Its id stays,
 * since documents and events name it. The e-mail can be registered again.
 */
export async function eraseAccount(trx: Tx, userId: UserId, at: Date): Promise<void> {
  await sql`
    update registered_users set
      email = 'erased-' || id || '@erased.invalid', phone = 'none:' || left(replace(id::text, '-', ''), 15),
      first_name = 'Erased', last_name = 'Person', password_hash = null, is_locked = true,
      locked_at = coalesce(locked_at, ${at}), updated_at = now()
    where id = ${userId}`.execute(trx)
}

/**
 * Deletes what lets the person in, what waits for them, and what they chose. The caller has ended the sessions and removed the second factors. What
 * restricts an account that the platform keeps stays.
 */
export async function deleteAccess(
  trx: Tx,
  userId: UserId,
  { keepsAccount }: { keepsAccount: boolean },
): Promise<void> {
  await sql`delete from document_sessions where user_id = ${userId}`.execute(trx)
  await sql`delete from document_api_keys where user_id = ${userId}`.execute(trx)
  await sql`delete from document_platform_roles where user_id = ${userId}`.execute(trx)
  await sql`delete from document_calendars where created_by = ${userId}`.execute(trx)
  await sql`delete from document_identities where user_id = ${userId}`.execute(trx)
  await sql`delete from document_idempotency_keys where user_id = ${userId}`.execute(trx)
  // The collector removes their bytes.
  await sql`update document_uploads set expires_at = least(expires_at, now()), file_name = 'erased', metadata = '' where user_id = ${userId}`.execute(
    trx,
  )
  await sql`delete from document_messages where user_id = ${userId}`.execute(trx)
  await sql`delete from document_preferences where user_id = ${userId}`.execute(trx)
  if (keepsAccount) return
  await sql`delete from document_generated_passwords where user_id = ${userId}`.execute(trx)
  await sql`delete from document_unverified_emails where user_id = ${userId}`.execute(trx)
}

/** Deletes invitations to and by the person, their links and unsent mails, and removes the address from the mails that were sent. */
export async function deleteMailAndInvitations(
  trx: Tx,
  userId: UserId,
  { email, emailDigest }: PersonKeys,
): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    delete from document_invitations where invited_by = ${userId} or email = ${foldEmail(email ?? null)}
    returning id`.execute(trx)
  const ended = [userId, ...rows.map(({ id }) => id)]
  await sql`
    delete from document_link_tokens
    where subject_id = any (${ended}::uuid[]) or email_sha256 = ${emailDigest ?? null}`.execute(trx)
  await sql`
    delete from document_mails where sent_at is null
      and (subject_id = any (${ended}::uuid[]) or ${isSameEmail(sql.ref('recipient'), email ?? null)})`.execute(trx)
  await sql`
    update document_mails set recipient = 'erased', facts = null, error = null
    where ${isSameEmail(sql.ref('recipient'), email ?? null)}`.execute(trx)
}

/** Counters that are locked at this moment stay; housekeeping deletes them within a day. */
export async function deleteCounters(trx: Tx, userId: UserId, { emailDigest }: PersonKeys): Promise<void> {
  const whose = [userId, ...(emailDigest === undefined ? [] : [emailDigest])]
  await sql`
    delete from document_rates where bucket in (
      select bucket from document_rates where split_part(bucket, ':', 2) = 'person'
        and split_part(bucket, ':', 3) = any (${whose}::text[])
      for update skip locked)`.execute(trx)
}
