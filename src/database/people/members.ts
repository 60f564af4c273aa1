import { sql } from 'kysely'

import type { FirmId, FirmRole, MemberStatus, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type Membership, rankOf } from './membership.ts'

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

/** The platform's table may have a person twice. The effective row is the one that grants the rights. */
const isEffectiveRow = sql<boolean>`
  member.id = (
    select row.id from firm_users row where row.firm_id = member.firm_id and row.user_id = member.user_id
    order by (row.status = 'active') desc,
      ${rankOf(sql.ref('row.role'))},
      row.created_at, row.id
    limit 1)`

/** The firm's members in the order in which they came. */
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

/** Changes every row that the firm has of this person, so that none is left that grants more. */
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
    where firm_id = ${firmId} and user_id = ${userId}`.execute(trx)
}

export async function deleteMember(trx: Tx, { firmId }: Membership, userId: UserId): Promise<void> {
  await trx.deleteFrom('firm_users').where('firm_id', '=', firmId).where('user_id', '=', userId).execute()
}

/** Who is an active `firm_admin`, locked until the transaction ends, against the platform's changes too. */
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
