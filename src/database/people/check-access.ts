import { type RawBuilder, sql } from 'kysely'

import { AccessDenied, type Denial } from '../../errors/app-error.ts'
import {
  type ApiKeyScope,
  type Caller,
  type FirmId,
  type FirmRole,
  firmRoles,
  type UserId,
} from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { personOf } from './accounts.ts'
import { isEmailUnverified } from './unverified-emails.ts'
import { isFormerMember } from './own-and-former-firms.ts'
import type { CallerInSql } from './session-state.ts'

declare const checked: unique symbol

/** Proof that a person may act in a firm now. Only this file creates one; queries on a firm's data require it. */
export type Membership = {
  readonly [checked]: true
  readonly userId: UserId
  readonly firmId: FirmId
  readonly role: ActingRole
}

/** The role that a person acts in: in the firm, or on the platform. */
export type ActingRole = FirmRole | 'administrator' | 'reviewer'

/** The part of a right that the check needs. `people/rights.ts` has the rights. */
export type RightToCheck = {
  roles: readonly FirmRole[]
  administrators: 'everywhere' | 'as_member' | 'never'
  reviewers?: true
  otherFirmsOnly?: true
  reads: boolean
  scope: ApiKeyScope | null
  /** It needs an e-mail that counts as verified. */
  needsVerifiedEmail?: boolean
}

export type AccessRequest = { caller: Caller; firmId: FirmId; right: RightToCheck }

/** The same for many requests in one statement; the ids may be columns. */
type AccessOfEach = { caller: CallerInSql; firmId: FirmId | RawBuilder<FirmId>; right: RightToCheck }

/** The columns that `accessOf` yields, always in one row: a denial, or the role to act in. */
export type AccessRow = { denial: Denial | null; role: ActingRole | null }

/** SQL: the rank of a role, strongest first. The platform may have several rows for one person in one firm. */
export const rankOf = (role: RawBuilder<unknown>): RawBuilder<number> =>
  sql`array_position(${[...firmRoles]}::text[], ${role}::text)`

/** SQL: the check as a subquery, so that one statement can check the right and do the guarded work. */
export function accessOf({ caller, firmId, right }: AccessOfEach): RawBuilder<AccessRow> {
  const isAdministrator = sql`person."isAdministrator"`
  const actsAsAdministrator = sql`(${isAdministrator} and ${right.administrators === 'everywhere'})`
  const onlyReads = sql`(${isAdministrator} and (${right.administrators === 'never'} or member.role is null))`
  const isReviewer = sql`person."isReviewer"`
  // Where they belong, reviewers have the rights of their role in the firm alone.
  const isReviewerHere = sql`(${isReviewer} and not ${isAdministrator} and member.is_present is null)`
  // In the text, not parameters: with them, a generic plan would seem dearer than planning at every call.
  const deniesOwnFirm = right.otherFirmsOnly
    ? sql`when (${isAdministrator} or ${isReviewer}) and (member.is_present or ${isFormerMember(caller.userId, firmId)})
          then 'own_firm'`
    : sql``
  const actsAsReviewer = right.reviewers ? isReviewerHere : sql`false`
  const deniesReviewer = right.reviewers ? sql`` : sql`when ${isReviewerHere} then 'reviewers_read'`
  const deniesUnverified = right.needsVerifiedEmail
    ? sql`when ${isEmailUnverified(sql`person.id`)} then 'email_unverified'`
    : sql``
  return sql<AccessRow>`(
    select
      case
        when person.id is null then 'unauthenticated'
        when person."isSignedOut" then 'session_over'
        when person."isKeyOver" then 'key_over'
        when person."isShutOut" then 'account_locked'
        when person.restriction is not null then person.restriction
        when not coalesce(${right.scope}::text = any (person."keyScopes"), person."keyScopes" is null) then 'key_scope'
        when person."keyFirmId" <> ${firmId} then 'key_of_other_firm'
        when person."isKeyWithoutMaker" then 'key_maker'
        when (${isAdministrator} or ${isReviewerHere}) and firm.id is null then 'firm_missing'
        ${deniesOwnFirm}
        when ${actsAsAdministrator} or ${actsAsReviewer} then null
        when ${onlyReads} then 'administrators_read'
        ${deniesReviewer}
        when firm.id is null or member.role is null then 'not_a_member'
        when not member.role = any (${right.roles}::text[]) then 'forbidden'
        when firm.is_locked and not ${right.reads} then 'firm_locked'
        ${deniesUnverified}
      end as denial,
      case when ${actsAsAdministrator} then 'administrator' when ${actsAsReviewer} then 'reviewer'
        else member.role end as role
    from ${personOf(caller)} as person
    left join security_firms as firm on firm.id = ${firmId}
    left join lateral (
      select case when firm_users.status = 'active' then firm_users.role end as role, true as is_present from firm_users
      -- A pending row is an invitation, which a firm must not use to keep a reviewer away.
      where firm_users.user_id = ${caller.userId} and firm_users.firm_id = ${firmId} and firm_users.status <> 'pending'
      order by firm_users.status = 'active' desc, ${rankOf(sql.ref('firm_users.role'))} limit 1
    ) as member on true
    -- OFFSET 0 forces a look-up by the ids of each row, instead of a join with all persons and firms.
    offset 0
  )`
}

/** Returns the proof, or throws `AccessDenied`. */
export function membershipFrom(row: AccessRow, { userId, firmId }: { userId: UserId; firmId: FirmId }): Membership {
  if (row.denial !== null) throw new AccessDenied(row.denial)
  if (row.role === null) throw new Error('the database returned neither a denial nor a role')
  // The only cast to Membership. The row proves it.
  return { userId, firmId, role: row.role } as Membership
}

/**
 * Checks the right against the current rows. Throws `not_a_member`, `forbidden`, `firm_locked`, `not_found`,
 * `unauthenticated`.
 */
export async function requireMembership(db: Db | Tx, request: AccessRequest): Promise<Membership> {
  const { rows } = await sql<AccessRow>`select * from ${accessOf(request)} as access`.execute(db)
  const { caller, firmId } = request
  return membershipFrom(rows[0] ?? { denial: null, role: null }, { userId: caller.userId, firmId })
}
