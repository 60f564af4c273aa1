import { type RawBuilder, sql } from 'kysely'

import type { ApplicationId, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { limitLockWait } from '../connection/in-transaction.ts'
import type { Membership } from '../people/check-access.ts'

/** As the platform has them. Only the platform makes a `draft`, or puts one `under_review`. */
export const applicationStatuses = ['draft', 'submitted', 'under_review', 'approved', 'rejected'] as const
export type ApplicationStatus = (typeof applicationStatuses)[number]

/** A firm's application to be approved: a row of the platform's `firm_applications`. */
export type Application = {
  id: ApplicationId
  firmId: FirmId
  firmName: string
  status: ApplicationStatus
  submittedAt: Date | null
  reviewedAt: Date | null
  reviewedBy: UserId | null
  rejectionReason: string | null
  /** For administrators of the platform alone. */
  notes: string | null
  /** The creation time to the microsecond, for paging. */
  createdAtExact: string
}

export type ApplicationPage = { limit: number; after: { at: string; id: string } | undefined }

const applicationColumns = sql<Application>`
  a.id, a.firm_id as "firmId", firm.name as "firmName", a.status, a.submitted_at as "submittedAt",
  a.reviewed_at as "reviewedAt", a.reviewed_by as "reviewedBy", a.rejection_reason as "rejectionReason",
  a.admin_notes as notes, a.created_at::text as "createdAtExact"`

/** Of all firms, newest first. The caller must have checked that this person is an administrator. */
export async function listApplications(
  db: Db,
  status: ApplicationStatus | undefined,
  { limit, after }: ApplicationPage,
): Promise<Application[]> {
  const { rows } = await sql<Application>`
    select ${applicationColumns} from firm_applications a join security_firms firm on firm.id = a.firm_id
    where ${status === undefined ? sql`true` : sql`a.status = ${status}`}
      and ${after === undefined ? sql`true` : sql`(a.created_at, a.id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by a.created_at desc, a.id desc limit ${limit}`.execute(db)
  return rows
}

/** The firm's newest application. */
export async function findApplication(db: Db | Tx, { firmId }: Membership): Promise<Application | undefined> {
  const { rows } = await sql<Application>`
    select ${applicationColumns} from firm_applications a join security_firms firm on firm.id = a.firm_id
    where a.firm_id = ${firmId} order by a.created_at desc, a.id desc limit 1`.execute(db)
  return rows[0]
}

/**
 * One change of a firm's application at a time. Rows that refer to the firm can still be written meanwhile. The platform may
 * lock the same rows in another order. Therefore no lock waits for more than 400 ms until the transaction ends, and nothing is
 * done between the locks: the server checks for deadlocks after a second, so the platform's transaction is never the victim.
 */
export async function lockApplicationsOf(trx: Tx, firmId: FirmId): Promise<void> {
  await limitLockWait(trx, 400)
  await sql`select from security_firms where id = ${firmId} for no key update`.execute(trx)
  await sql`select from firm_applications where firm_id = ${firmId} order by id for no key update`.execute(trx)
}

/**
 * Submits the platform's draft, or a new application. The firm follows. The transaction must have locked the firm. False if
 * the platform, which takes no lock of ours, changed the draft meanwhile.
 */
export async function insertApplication(
  trx: Tx,
  { firmId }: Membership,
  { draft, at }: { draft: ApplicationId | undefined; at: Date },
): Promise<boolean> {
  const change =
    draft === undefined
      ? // The time of the clock, since the transaction may have begun before the application that it waited for.
        sql`
      insert into firm_applications (id, firm_id, status, submitted_at, created_at, updated_at)
      values (gen_random_uuid(), ${firmId}, 'submitted', ${at}, clock_timestamp(), clock_timestamp())`
      : sql`
      update firm_applications set status = 'submitted', submitted_at = ${at}, updated_at = now()
      where id = ${draft} and status = 'draft'`
  const { numAffectedRows } = await change.execute(trx)
  if (numAffectedRows !== 1n) return false
  await setVerificationStatus(trx, firmId, sql`'submitted'`)
  return true
}

export type ApplicationDecision = {
  status: 'approved' | 'rejected'
  reason: string | null
  notes: string | null
}

/**
 * Records the decision about an open application; the firm follows. The transaction must have locked the firm. False if the
 * platform, which takes no lock of ours, decided meanwhile.
 */
export async function recordApplicationDecision(
  trx: Tx,
  { id, firmId }: Application,
  { status, reason, notes, by, at }: ApplicationDecision & { by: UserId; at: Date },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update firm_applications set status = ${status}, rejection_reason = ${reason}, reviewed_by = ${by}, reviewed_at = ${at},
      admin_notes = coalesce(${notes}, admin_notes), updated_at = now()
    where id = ${id} and status in ('submitted', 'under_review')`.execute(trx)
  if (numAffectedRows !== 1n) return false
  await setVerificationStatus(trx, firmId, sql`${status}`)
  return true
}

async function setVerificationStatus(trx: Tx, firmId: FirmId, status: RawBuilder<unknown>): Promise<void> {
  await sql`
    update security_firms set verification_status = ${status}, updated_at = now() where id = ${firmId}`.execute(trx)
}
