import { sql } from 'kysely'

import type { DocumentId, FirmId, ReviewStatus, UserId, VersionId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { verifiedVersion } from '../documents/shown-version.ts'

/** The version in force of a document, which ends soon. */
export type EndingVersion = {
  firmId: FirmId
  firmName: string
  versionId: VersionId
  version: number
  documentId: DocumentId
  documentType: string
  typeName: string
  /** A day, as in 2027-03-31. */
  validUntil: string
  /** Negative once expired. */
  daysLeft: number
  /** The reminder that is due: 90, 60, 30, 14, 7, 1 or 0 days before the end. Null: none. */
  reminderDays: number | null
  /** The event `document.expiring` is due. */
  isNewlyExpiring: boolean
  /** The state of a newer version; null: there is none. */
  newer: ReviewStatus | null
}

/** The ids of firms in their order, for walks by key. */
export async function listFirmIds(
  db: Db,
  { after, limit }: { after: FirmId | null; limit: number },
): Promise<FirmId[]> {
  const { rows } = await sql<{ id: FirmId }>`
    select id from security_firms where ${after === null ? sql`true` : sql`id > ${after}`} order by id limit ${limit}`.execute(
    db,
  )
  return rows.map(({ id }) => id)
}

export async function countFirms(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from security_firms`.execute(db)
  return rows[0]?.count ?? 0
}

/** One process at a time, so that two with different clocks cannot send one reminder twice. Until the transaction ends. */
export async function lockReminders(trx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('paniq-documents reminders'))`.execute(trx)
}

type DueRequest = {
  firmIds: FirmId[]
  /** The day in South Africa. */
  day: string
  /** Days before the end, the last one first: 0, 1, 7 … */
  reminderDays: readonly number[]
  /** False before 08:00: then no reminder of this day is due. */
  remindersAreDue: boolean
}

/**
 * What is due for the versions in force of these firms. A reminder is due once its day has come, unless it or a later one was
 * sent; one whose day was over when the version was verified never is. A firm that is locked, or has a digest of the day, gets
 * none: it cannot upload, or was reminded.
 */
export async function listDue(
  db: Db | Tx,
  { firmIds, day, reminderDays, remindersAreDue }: DueRequest,
): Promise<EndingVersion[]> {
  const { rows } = await sql<EndingVersion>`
    with ending as (
      select v.firm_id, firm.name as firm_name, v.id as version_id, v.version, d.id as document_id, d.document_type,
        coalesce(t.name, d.document_type) as type_name, v.valid_until, v.valid_until - ${day}::date as days_left,
        case when ${remindersAreDue}::boolean and not firm.is_locked
            and coalesce(r.reminded_days > stage.days, true)
            and v.valid_until - stage.days >= coalesce((v.reviewed_at at time zone 'Africa/Johannesburg')::date, '-infinity'::date)
            and not exists (select from document_digests each where each.firm_id = v.firm_id and each.day = ${day}::date)
          then stage.days end as reminder_days,
        r.expiring_at is null and v.valid_until >= ${day}::date as is_newly_expiring,
        case when current.version > v.version then current.review_status end as newer
      from unnest(${firmIds}::uuid[]) as wanted (firm_id)
      join document_versions v on v.firm_id = wanted.firm_id and v.review_status = 'verified' and v.valid_until is not null
        and v.valid_until <= ${day}::date + ${Math.max(...reminderDays)}::int
      join documents d on d.firm_id = v.firm_id and d.id = v.document_id and d.deleted_at is null
      join security_firms firm on firm.id = v.firm_id
      join document_versions current on current.firm_id = d.firm_id and current.document_id = d.id
        and current.version = d.current_version
      left join document_types t on t.code = d.document_type
      left join document_reminders r on r.firm_id = v.firm_id and r.version_id = v.id and r.valid_until = v.valid_until
      cross join lateral (
        select min(each) as days from unnest(${[...reminderDays]}::int[]) as each
        where each >= greatest(v.valid_until - ${day}::date, 0)
      ) stage
      where v.version = ${verifiedVersion}
    )
    select firm_id as "firmId", firm_name as "firmName", version_id as "versionId", version, document_id as "documentId",
      document_type as "documentType", type_name as "typeName", valid_until::text as "validUntil", days_left as "daysLeft",
      reminder_days as "reminderDays", is_newly_expiring as "isNewlyExpiring", newer
    from ending where reminder_days is not null or is_newly_expiring
    order by firm_id, valid_until, document_id`.execute(db)
  return rows
}

/** The active administrators of each firm who are not locked out. */
export async function listAdministratorsOfFirms(db: Db | Tx, firmIds: FirmId[]): Promise<Map<FirmId, UserId[]>> {
  const { rows } = await sql<{ firmId: FirmId; userIds: UserId[] }>`
    select m.firm_id as "firmId", array_agg(distinct m.user_id) as "userIds"
    from firm_users m join registered_users r on r.id = m.user_id
    where m.firm_id = any (${firmIds}::uuid[]) and m.role = 'firm_admin' and m.status = 'active'
      and not (r.is_locked or r.is_suspended)
    group by m.firm_id`.execute(db)
  return new Map(rows.map(({ firmId, userIds }) => [firmId, userIds]))
}
