import { type RawBuilder, sql } from 'kysely'

import type { FirmId, FirmRole, MemberStatus, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type Membership, rankOf } from './check-access.ts'
import { daysOfFormerMembers } from './own-and-former-firms.ts'

export type Member = {
  userId: UserId
  email: string
  firstName: string
  lastName: string
  role: FirmRole
  status: MemberStatus
  invitedBy: string | null
  acceptedAt: Date | null
  createdAt: Date
}

export type MemberRecord = Member & {
  rowId: string
  /** When the membership began, to the microsecond, for paging. */
  createdAtExact: string
}

export type MemberPage = { limit: number; after: { at: string; id: string } | undefined }

const memberColumns = sql<MemberRecord>`
  member.user_id as "userId", person.email, person.first_name as "firstName", person.last_name as "lastName",
  member.role, member.status, member.invited_by as "invitedBy", member.accepted_at as "acceptedAt",
  member.created_at as "createdAt", member.id as "rowId", member.created_at::text as "createdAtExact"`

/** The platform's table may have a person twice. The effective row is the one that grants the rights; a pending one comes last. */
const isEffectiveRow = sql<boolean>`
  member.id = (
    select row.id from firm_users row where row.firm_id = member.firm_id and row.user_id = member.user_id
    order by array_position(array['active', 'suspended', 'pending'], row.status::text),
      ${rankOf(sql.ref('row.role'))},
      row.created_at, row.id
    limit 1)`

/** The firm's members, oldest first. */
export async function listMembers(
  db: Db,
  { firmId }: Membership,
  { limit, after }: MemberPage,
): Promise<MemberRecord[]> {
  const { rows } = await sql<MemberRecord>`
    select ${memberColumns}
    from firm_users member join registered_users person on person.id = member.user_id
    where member.firm_id = ${firmId} and ${isEffectiveRow}
      and ${after === undefined ? sql`true` : sql`(member.created_at, member.id) > (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by member.created_at, member.id limit ${limit}`.execute(db)
  return rows
}

export async function findMember(
  db: Db | Tx,
  { firmId }: Membership,
  userId: UserId,
): Promise<MemberRecord | undefined> {
  const { rows } = await sql<MemberRecord>`
    select ${memberColumns}
    from firm_users member join registered_users person on person.id = member.user_id
    where member.firm_id = ${firmId} and member.user_id = ${userId} and ${isEffectiveRow}`.execute(db)
  return rows[0]
}

/** The state of a person's membership, by the row that grants the rights. */
export async function findStatus(trx: Tx, firmId: FirmId, userId: UserId): Promise<MemberStatus | undefined> {
  const { rows } = await sql<{ status: MemberStatus }>`
    select member.status from firm_users member
    where member.firm_id = ${firmId} and member.user_id = ${userId} and ${isEffectiveRow}`.execute(trx)
  return rows[0]?.status
}

export type NewMember = { firmId: FirmId; userId: UserId; role: FirmRole; invitedBy: UserId }

export async function insertMember(trx: Tx, member: NewMember): Promise<void> {
  await trx
    .insertInto('firm_users')
    .values({
      id: sql<string>`gen_random_uuid()`,
      firm_id: member.firmId,
      user_id: member.userId,
      role: member.role,
      status: 'active',
      invited_by: member.invitedBy,
      invited_at: sql`now()`,
      accepted_at: sql`now()`,
    })
    .execute()
}

export type MemberChange = { role?: FirmRole | undefined; status?: MemberStatus | undefined }

/** Changes every row of this person in the firm, so that no other row grants more; but no pending row, which is the platform's. */
export async function updateMember(
  trx: Tx,
  { firmId }: Membership,
  userId: UserId,
  { role, status }: MemberChange,
): Promise<void> {
  await sql`
    update firm_users set
      role = coalesce(${role ?? null}::text, role),
      status = coalesce(${status ?? null}::text, status),
      accepted_at = case when ${status ?? null}::text = 'active' then coalesce(accepted_at, now()) else accepted_at end,
      updated_at = now()
    where firm_id = ${firmId} and user_id = ${userId} and status <> 'pending'`.execute(trx)
}

/** A pending row stays: it is the platform's. */
export async function deleteMember(trx: Tx, { firmId }: Membership, userId: UserId): Promise<void> {
  await sql`delete from firm_users where firm_id = ${firmId} and user_id = ${userId} and status <> 'pending'`.execute(
    trx,
  )
  await sql`
    insert into document_former_members (firm_id, user_id) values (${firmId}, ${userId})
    on conflict (firm_id, user_id) do update set left_at = now()`.execute(trx)
}

/** A system task. */
export async function removeFormerMembers(db: Db): Promise<void> {
  await sql`delete from document_former_members where left_at < now() - make_interval(days => ${daysOfFormerMembers})`.execute(
    db,
  )
}

/** SQL: whether a person who may act now is the firm's `firm_admin`. */
export const hasActingAdmin = (firmId: FirmId | RawBuilder<unknown>): RawBuilder<boolean> => sql<boolean>`exists (
  select from firm_users u join registered_users r on r.id = u.user_id
  where u.firm_id = ${firmId} and u.role = 'firm_admin' and u.status = 'active'
    and not (r.is_locked or r.is_suspended))`

/** Whether nobody in the firm can invite: it has no active `firm_admin`, or their accounts are locked or suspended. */
export async function isWithoutAdmin(trx: Tx, firmId: FirmId): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`select ${hasActingAdmin(firmId)} as has`.execute(trx)
  return rows[0]?.has === false
}

/**
 * Returns the active members with the role `firm_admin`. Locks their rows until the transaction ends, also against the
 * platform.
 */
export async function lockActiveAdmins(trx: Tx, firmId: FirmId): Promise<UserId[]> {
  const rows = await trx
    .selectFrom('firm_users')
    .select('user_id')
    .where('firm_id', '=', firmId)
    .where('role', '=', 'firm_admin')
    .where('status', '=', 'active')
    .forUpdate()
    .execute()
  return rows.map((row) => row.user_id)
}
