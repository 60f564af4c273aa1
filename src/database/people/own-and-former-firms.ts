import { sql } from 'kysely'

import type { FirmId, UserId } from '../../vocabulary/vocabulary.ts'

/**
 * So long after leaving a firm, a person does not review its documents, which may be their own work. A membership that the
 * platform ended does not count.
 */
export const daysOfFormerMembers = 90

/** SQL: whether a person left the firm so recently. */
export const isFormerMember = (userId: unknown, firmId: unknown) => sql<boolean>`exists (
  select from document_former_members former
  where former.firm_id = ${firmId} and former.user_id = ${userId}
    and former.left_at > now() - make_interval(days => ${sql.lit(daysOfFormerMembers)}))`

/**
 * SQL: the ids of the firms where a right with `otherFirmsOnly` is denied to this person, for lists that leave them out. As
 * in `accessOf`: a pending row does not count.
 */
export const ownFirmsOf = (userId: UserId) => sql<FirmId[]>`array(
  select firm_id from firm_users where user_id = ${userId} and status <> 'pending'
  union all
  select firm_id from document_former_members
  where user_id = ${userId} and left_at > now() - make_interval(days => ${sql.lit(daysOfFormerMembers)}))`
