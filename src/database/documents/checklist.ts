import { sql } from 'kysely'

import type { DocumentId, FirmId, FirmRole } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { Membership } from '../people/check-access.ts'
import { isConfidential } from './document-types.ts'
import { verifiedVersion } from './shown-version.ts'

export type ChecklistState = 'missing' | 'pending' | 'verified' | 'rejected' | 'expiring' | 'expired'

export type ChecklistItem = {
  documentType: string
  name: string
  isRequired: boolean
  proof: string | null
  state: ChecklistState
  documentId: DocumentId | null
  version: number | null
  reviewReason: string | null
  reviewComment: string | null
  /** A day, as in 2027-03-31. */
  validUntil: string | null
  daysLeft: number | null
}

/** A document that is valid for `expiringDays` or less is expiring. */
type ChecklistReader = { membership: Membership; confidentialRoles: readonly FirmRole[]; expiringDays: number }

/**
 * SQL, for `document_types t`: the version that counts. The index document_versions_for_checklist has the order, so this reads
 * as much of 20,000 documents as of one. It passes only versions that are verified and not in force, which the platform's change
 * of a file leaves, and older ones of a document whose newest file is infected or missing.
 */
const counting = (firmId: FirmId) => sql`(
  select v.document_id as id, v.version, v.review_status, v.review_reason, v.review_comment, v.valid_until
  from document_versions v
  where v.firm_id = ${firmId} and v.checklist_type = t.code and v.scan_status <> 'infected' and v.bytes_state = 'present'
    -- A subquery and no join, so that no plan begins with the documents, whatever the planner expects of a firm.
    and (
      select v.version = d.current_version or (v.review_status = 'verified' and v.version = ${verifiedVersion})
      from documents d where d.firm_id = v.firm_id and d.id = v.document_id and d.deleted_at is null)
  order by (v.review_status = 'verified') desc, v.uploaded_at desc, v.document_id desc limit 1)`

/**
 * One item for each active type, required types first. The newest verified document of a type counts, else the newest one;
 * only files that can be downloaded do. Days are those of Africa/Johannesburg. Of confidential types a member without one of
 * `confidentialRoles` sees the state alone.
 */
export async function listChecklist(
  db: Db | Tx,
  { membership, confidentialRoles, expiringDays }: ChecklistReader,
  now: Date,
): Promise<ChecklistItem[]> {
  const { firmId, role } = membership
  const seesAll = role === 'administrator' || role === 'reviewer' || confidentialRoles.includes(role)
  const { rows } = await sql<ChecklistItem>`
    with today as (select (${now}::timestamptz at time zone 'Africa/Johannesburg')::date as day),
    item as (
      select t.code, t.name, t.is_required, t.proof, (not ${isConfidential('t')} or ${seesAll}::boolean) as is_shown,
        c.id, c.version, c.review_reason, c.review_comment, c.valid_until,
        case
          when c.version is null then 'missing'
          when c.review_status <> 'verified' then c.review_status
          when c.valid_until < today.day then 'expired'
          when c.valid_until <= today.day + ${expiringDays}::int then 'expiring'
          else 'verified'
        end as state,
        c.valid_until - today.day as days_left
      from document_types t cross join today
      left join lateral ${counting(firmId)} c on true
      where t.is_active
    )
    select code as "documentType", name, is_required as "isRequired", proof, state,
      case when is_shown then id end as "documentId", case when is_shown then version end as version,
      case when is_shown and state = 'rejected' then review_reason end as "reviewReason",
      case when is_shown and state = 'rejected' then review_comment end as "reviewComment",
      case when is_shown then valid_until::text end as "validUntil", case when is_shown then days_left end as "daysLeft"
    from item order by is_required desc, name, code`.execute(db)
  return rows
}
