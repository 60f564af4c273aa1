import { type RawBuilder, sql } from 'kysely'

import { AccessDenied, type Denial } from '../../errors/app-error.ts'
import { type FirmId, type FirmRole, firmRoles, type UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { personOf } from './accounts.ts'

declare const checked: unique symbol

/** Proof that a person may act in a firm now. Only this file creates one; queries on a firm's data require it. */
export type Membership = {
  readonly [checked]: true
  readonly userId: UserId
  readonly firmId: FirmId
  readonly role: FirmRole | 'administrator'
}

/** What the check needs to know of a right; the rights themselves are in `people/rights.ts`. */
export type RightToCheck = {
  roles: readonly FirmRole[]
  administrators: 'everywhere' | 'as_member' | 'never'
  reads: boolean
}

export type AccessRequest = { userId: UserId; firmId: FirmId; right: RightToCheck }

/** The same of many requests: whose ids are columns of the statement's other tables. */
type AccessOfEach = { userId: UserId | RawBuilder<UserId>; firmId: FirmId | RawBuilder<FirmId>; right: RightToCheck }

/** The columns that `accessOf` yields, always in one row: a denial, or the role to act in. */
export type AccessRow = { denial: Denial | null; role: FirmRole | 'administrator' | null }

/** SQL: the rank of a role, strongest first. The platform may have several rows for one person in one firm. */
export const rankOf = (role: RawBuilder<unknown>): RawBuilder<number> =>
  sql`array_position(${[...firmRoles]}::text[], ${role}::text)`

/** The check as a subquery, so that one statement can answer the right together with what it guards. */
export function accessOf({ userId, firmId, right }: AccessOfEach): RawBuilder<AccessRow> {
  const isAdministrator = sql`person."isAdministrator"`
  const actsAsAdministrator = sql`(${isAdministrator} and ${right.administrators === 'everywhere'})`
  const isHeldToReading = sql`(${isAdministrator} and (${right.administrators === 'never'} or member.role is null))`
  return sql<AccessRow>`(
    select
      case
        when person.id is null then 'unauthenticated'
        when person."isShutOut" then 'account_locked'
        when ${isAdministrator} and firm.id is null then 'firm_missing'
        when ${actsAsAdministrator} then null
        when ${isHeldToReading} then 'administrators_read'
        when firm.id is null or member.role is null then 'not_a_member'
        when not member.role = any (${right.roles}::text[]) then 'forbidden'
        when firm.is_locked and not ${right.reads} then 'firm_locked'
      end as denial,
      case when ${actsAsAdministrator} then 'administrator' else member.role end as role
    from ${personOf(userId)} as person
    left join security_firms as firm on firm.id = ${firmId}
    left join lateral (
      select firm_users.role from firm_users
      where firm_users.user_id = ${userId} and firm_users.firm_id = ${firmId} and firm_users.status = 'active'
      order by ${rankOf(sql.ref('firm_users.role'))} limit 1
    ) as member on true
    -- Asked by the ids of each row, not joined with all persons and firms.
    offset 0
  )`
}

/** Returns the proof, or throws `AccessDenied`. */
export function membershipFrom(row: AccessRow, { userId, firmId }: { userId: UserId; firmId: FirmId }): Membership {
  if (row.denial !== null) throw new AccessDenied(row.denial)
  if (row.role === null) throw new Error('the database decided no right')
  // The one place that may call a value a Membership: the row says so.
  return { userId, firmId, role: row.role } as Membership
}

/** Checks the right with the facts of this moment. Throws `not_a_member`, `forbidden`, `firm_locked`, `not_found`, `unauthenticated`. */
export async function requireMembership(db: Db | Tx, request: AccessRequest): Promise<Membership> {
  const { rows } = await sql<AccessRow>`select * from ${accessOf(request)} as access`.execute(db)
  return membershipFrom(rows[0] ?? { denial: null, role: null }, request)
}
