import { sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { verifiedVersion } from '../documents/shown-version.ts'
import type { Membership } from '../people/check-access.ts'

export type Calendar = { firmId: FirmId; firmName: string; createdBy: UserId; createdAt: Date }

/** Stores the secret of the firm's calendar in place of an earlier one. */
export async function replaceCalendar(
  trx: Tx,
  { firmId, userId }: Membership,
  { sha256, createdAt }: { sha256: Buffer; createdAt: Date },
): Promise<void> {
  await sql`
    insert into document_calendars as c (firm_id, token_sha256, created_by, created_at)
    values (${firmId}, ${sha256}, ${userId}, ${createdAt})
    on conflict (firm_id) do update set token_sha256 = excluded.token_sha256, created_by = excluded.created_by,
      created_at = excluded.created_at`.execute(trx)
}

/** False if the firm has none. */
export async function deleteCalendar(trx: Tx, { firmId }: Membership): Promise<boolean> {
  const { numDeletedRows } = await trx.deleteFrom('document_calendars').where('firm_id', '=', firmId).executeTakeFirst()
  return numDeletedRows === 1n
}

/** SQL: whether the maker of a calendar `c` is no active `firm_admin` of its firm any more. */
const isWithoutMaker = sql<boolean>`not exists (
  select from firm_users m where m.firm_id = c.firm_id and m.user_id = c.created_by
    and m.role = 'firm_admin' and m.status = 'active')`

/** Deletes the firm's calendar if its maker is no active `firm_admin` any more. True if it did. */
export async function deleteCalendarWithoutMaker(trx: Tx, firmId: FirmId): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from document_calendars c
    where c.firm_id = ${firmId} and ${isWithoutMaker}`.execute(trx)
  return numAffectedRows === 1n
}

/** The calendar of a secret. */
export async function findCalendar(db: Db, sha256: Buffer): Promise<Calendar | undefined> {
  const { rows } = await sql<Calendar>`
    select c.firm_id as "firmId", f.name as "firmName", c.created_by as "createdBy", c.created_at as "createdAt"
    from document_calendars c join security_firms f on f.id = c.firm_id
    where c.token_sha256 = ${sha256}`.execute(db)
  return rows[0]
}

/** The calendar of a firm whose maker is an active `firm_admin`: another one ends at its next use. */
export async function findCalendarOf(
  db: Db,
  { firmId }: Membership,
): Promise<Pick<Calendar, 'createdBy' | 'createdAt'> | undefined> {
  const { rows } = await sql<Pick<Calendar, 'createdBy' | 'createdAt'>>`
    select c.created_by as "createdBy", c.created_at as "createdAt" from document_calendars c
    where c.firm_id = ${firmId} and not ${isWithoutMaker}`.execute(db)
  return rows[0]
}

/** `validUntil`: a day, as in 2027-03-31. */
export type CalendarDay = { documentId: DocumentId; typeName: string; validUntil: string }

/** The last days of all versions in force of the firm whose file can be downloaded, the earliest first. */
export async function listCalendarDays(db: Db, { firmId }: Membership): Promise<CalendarDay[]> {
  const { rows } = await sql<CalendarDay>`
    select d.id as "documentId", coalesce(t.name, d.document_type) as "typeName", v.valid_until::text as "validUntil"
    from document_versions v
    join documents d on d.firm_id = v.firm_id and d.id = v.document_id and d.deleted_at is null
    left join document_types t on t.code = d.document_type
    where v.firm_id = ${firmId} and v.review_status = 'verified' and v.valid_until is not null
      and v.scan_status <> 'infected' and v.bytes_state = 'present' and v.version = ${verifiedVersion}
    order by v.valid_until, d.id`.execute(db)
  return rows
}
