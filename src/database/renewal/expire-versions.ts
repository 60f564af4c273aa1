import { sql } from 'kysely'

import type { DocumentId, FirmId, VersionId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { showVersion, verifiedVersion } from '../documents/shown-version.ts'
import { recordSaid } from './record-reminders.ts'

type DocumentRef = { firmId: FirmId; documentId: DocumentId }

/** The documents of these firms whose version in force ended before this day, and is not recorded as expired. */
export async function listExpired(
  db: Db,
  { firmIds, day }: { firmIds: FirmId[]; day: string },
): Promise<DocumentRef[]> {
  const { rows } = await sql<DocumentRef>`
    select v.firm_id as "firmId", v.document_id as "documentId"
    from unnest(${firmIds}::uuid[]) as wanted (firm_id)
    join document_versions v on v.firm_id = wanted.firm_id and v.review_status = 'verified' and v.expired_at is null
      and v.valid_until is not null and v.valid_until < ${day}::date
    join documents d on d.firm_id = v.firm_id and d.id = v.document_id and d.deleted_at is null
    where v.version = ${verifiedVersion}
    order by v.firm_id, v.document_id`.execute(db)
  return rows
}

export type ExpiredVersion = DocumentRef & {
  versionId: VersionId
  version: number
  documentType: string
  validUntil: string
}

/**
 * Records that the version in force of a document, which the transaction has locked, has expired: the platform's row is not
 * verified any more. Undefined if it has not, or another process recorded it.
 */
export async function expireVersion(
  trx: Tx,
  { firmId, documentId }: DocumentRef,
  { day, at }: { day: string; at: Date },
): Promise<ExpiredVersion | undefined> {
  const { rows } = await sql<ExpiredVersion>`
    update document_versions v set expired_at = ${at}
    from documents d
    where d.firm_id = ${firmId} and d.id = ${documentId} and d.deleted_at is null
      and v.firm_id = d.firm_id and v.document_id = d.id and v.version = ${verifiedVersion}
      and v.review_status = 'verified' and v.expired_at is null and v.valid_until < ${day}::date
    returning v.firm_id as "firmId", v.document_id as "documentId", v.id as "versionId", v.version,
      d.document_type as "documentType", v.valid_until::text as "validUntil"`.execute(trx)
  const [expired] = rows
  if (expired === undefined) return undefined
  await showVersion(trx, { firmId, documentId }, { mayAppear: false, isDecision: true })
  const { versionId, validUntil } = expired
  await recordSaid(trx, [{ firmId, versionId, validUntil, remindedDays: null, expiringAt: null, expiredAt: at }])
  return expired
}

export type UnreportedExpiry = {
  firmName: string
  typeName: string
  firmId: FirmId
  documentId: DocumentId
  validUntil: string
}

/**
 * Marks the expired documents that the platform's administrators do not know of, oldest first, and returns them. It skips those
 * that another transaction is purging or changing.
 */
export async function takeUnreported(trx: Tx, { limit, at }: { limit: number; at: Date }): Promise<UnreportedExpiry[]> {
  const { rows } = await sql<UnreportedExpiry>`
    with taken as (
      update document_reminders r set reported_at = ${at}
      where (r.firm_id, r.version_id) in (
        select firm_id, version_id from document_reminders where expired_at is not null and reported_at is null
        order by expired_at, version_id limit ${limit} for update skip locked)
      returning r.*
    )
    select taken.firm_id as "firmId", v.document_id as "documentId", coalesce(firm.name, '') as "firmName",
      coalesce(t.name, d.document_type) as "typeName", taken.valid_until::text as "validUntil"
    from taken join document_versions v on v.firm_id = taken.firm_id and v.id = taken.version_id
    join documents d on d.firm_id = v.firm_id and d.id = v.document_id
    left join document_types t on t.code = d.document_type
    left join security_firms firm on firm.id = taken.firm_id
    order by firm.name, taken.firm_id, "typeName", v.document_id`.execute(trx)
  return rows
}
