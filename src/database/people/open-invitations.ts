import { type RawBuilder, sql } from 'kysely'

import type { FirmId, FirmRole, InvitationId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { personOf } from './accounts.ts'
import type { Membership } from './check-access.ts'
import { foldEmail } from './emails.ts'
import { hasActingAdmin } from './members.ts'

export type Invitation = {
  id: InvitationId
  firmId: FirmId
  firmName: string
  /** In lower case. */
  email: string
  role: FirmRole
  invitedBy: UserId
  createdAt: Date
  /** Of the first invitation, before any renewal. */
  firstCreatedAt: Date
  expiresAt: Date
}

export type InvitationRecord = Invitation & {
  /** The creation time to the microsecond, for paging. */
  createdAtExact: string
}

export type InvitationPage = { limit: number; after: { at: string; id: string } | undefined }

const invitationColumns = sql<InvitationRecord>`
  i.id, i.firm_id as "firmId", firm.name as "firmName", i.email, i.role, i.invited_by as "invitedBy",
  i.created_at as "createdAt", i.first_created_at as "firstCreatedAt", i.expires_at as "expiresAt", i.created_at::text as "createdAtExact"`

/** Who made an invitation. */
const maker = { userId: sql.ref<UserId>('i.invited_by'), sessionId: undefined, apiKeyId: undefined }

/**
 * SQL: whether an invitation can be accepted. It ends with the rights of the person who made it, so that nobody prepares a
 * way back into a firm. That of an administrator of the platform ends when the firm has a firm_admin.
 */
const isOpen = (now: Date): RawBuilder<boolean> => sql<boolean>`(
  i.expires_at > ${now}
  and (
    exists (
      select from firm_users u join registered_users r on r.id = u.user_id
      where u.firm_id = i.firm_id and u.user_id = i.invited_by and u.role = 'firm_admin' and u.status = 'active'
        and not (r.is_locked or r.is_suspended)
    )
    or i.role = 'firm_admin' and not ${hasActingAdmin(sql.ref('i.firm_id'))}
      and (select person."isAdministrator" and not person."isShutOut" from ${personOf(maker)} as person)
  ))`

export type NewInvitation = Pick<Invitation, 'email' | 'role' | 'invitedBy' | 'createdAt' | 'expiresAt'>

/** Inserts an invitation, or renews the one that this e-mail has in the firm. The caller has locked the firm's members. */
export async function upsertInvitation(
  trx: Tx,
  { firmId }: Membership,
  { email, role, invitedBy, createdAt, expiresAt }: NewInvitation,
): Promise<Invitation> {
  const { rows } = await sql<InvitationRecord>`
    with i as (
      insert into document_invitations as i (firm_id, email, role, invited_by, created_at, first_created_at, expires_at)
      values (${firmId}, ${foldEmail(email)}, ${role}, ${invitedBy}, ${createdAt}, ${createdAt}, ${expiresAt})
      on conflict (firm_id, email) do update set role = excluded.role, invited_by = excluded.invited_by,
        created_at = excluded.created_at, expires_at = excluded.expires_at
      returning *
    )
    select ${invitationColumns} from i join security_firms firm on firm.id = i.firm_id`.execute(trx)
  const [row] = rows
  if (row === undefined) throw new Error('the firm of a membership is missing')
  return row
}

/** The open invitations of a firm, newest first. */
export async function listInvitations(
  db: Db,
  { firmId }: Membership,
  { now, limit, after }: InvitationPage & { now: Date },
): Promise<InvitationRecord[]> {
  const { rows } = await sql<InvitationRecord>`
    select ${invitationColumns} from document_invitations i join security_firms firm on firm.id = i.firm_id
    where i.firm_id = ${firmId} and ${isOpen(now)}
      and ${after === undefined ? sql`true` : sql`(i.created_at, i.id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by i.created_at desc, i.id desc limit ${limit}`.execute(db)
  return rows
}

/** One e-mail has at most one invitation in each firm; nobody reads more than these. */
const maxShown = 100

/** The open invitations of a person, newest first. */
export async function listInvitationsOf(db: Db, email: string, now: Date): Promise<Invitation[]> {
  const { rows } = await sql<InvitationRecord>`
    select ${invitationColumns} from document_invitations i join security_firms firm on firm.id = i.firm_id
    where i.email = ${foldEmail(email)} and ${isOpen(now)}
    order by i.created_at desc, i.id desc limit ${maxShown}`.execute(db)
  return rows
}

/** Whether somebody with this e-mail is invited, for `REGISTRATION=invited`. */
export async function hasOpenInvitation(db: Db | Tx, email: string, now: Date): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from document_invitations i where i.email = ${foldEmail(email)} and ${isOpen(now)}) as has`.execute(
    db,
  )
  return rows[0]?.has === true
}

/** An invitation by the hash of the secret of one of its links, or by its id. */
export type InvitationKey = { sha256: Buffer } | { id: InvitationId }

const hasKey = (key: InvitationKey, now: Date): RawBuilder<boolean> =>
  'id' in key
    ? sql<boolean>`i.id = ${key.id}`
    : sql<boolean>`i.id = (
        select t.subject_id from document_link_tokens t
        where t.sha256 = ${key.sha256} and t.purpose = 'invitation' and t.expires_at > ${now})`

/** `isForPerson`: the e-mail of the invitation is the given one. */
export type FoundInvitation = Invitation & { isForPerson: boolean }

export async function findInvitation(
  db: Db | Tx,
  key: InvitationKey,
  { now, email = '' }: { now: Date; email?: string },
): Promise<FoundInvitation | undefined> {
  const { rows } = await sql<InvitationRecord & { isForPerson: boolean }>`
    select ${invitationColumns}, i.email = ${foldEmail(email)} as "isForPerson"
    from document_invitations i join security_firms firm on firm.id = i.firm_id
    where ${hasKey(key, now)} and ${isOpen(now)}`.execute(db)
  return rows[0]
}

/** False if it was accepted, declined or withdrawn meanwhile: each invitation is used once. */
export async function deleteInvitation(trx: Tx, { id, firmId }: Pick<Invitation, 'id' | 'firmId'>): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from document_invitations where id = ${id} and firm_id = ${firmId}`.execute(trx)
  return numAffectedRows === 1n
}

/**
 * Deletes, with their links, the invitations in a firm to a person who is no active member of it, and those that they made if
 * they are no active `firm_admin`.
 */
export async function deleteInvitationsWithoutMember(
  trx: Tx,
  { firmId }: Membership,
  { userId, email }: { userId: UserId; email: string },
): Promise<Pick<Invitation, 'id' | 'role'>[]> {
  const { rows } = await sql<Pick<Invitation, 'id' | 'role'>>`
    with own as (
      select coalesce(bool_or(true), false) as is_member, coalesce(bool_or(role = 'firm_admin'), false) as is_admin
      from firm_users where firm_id = ${firmId} and user_id = ${userId} and status = 'active'
    ),
    ended as (
      delete from document_invitations i using own
      where i.firm_id = ${firmId} and (i.email = ${foldEmail(email)} and not own.is_member
        or i.invited_by = ${userId} and not own.is_admin)
      returning i.id, i.role
    ),
    links as (
      delete from document_link_tokens t using ended where t.subject_id = ended.id and t.purpose = 'invitation'
    )
    select id, role from ended`.execute(trx)
  return rows
}

/** A system task. */
export async function removeExpiredInvitations(db: Db, now: Date): Promise<void> {
  await sql`delete from document_invitations where expires_at < ${now}`.execute(db)
}
