import { type RawBuilder, sql } from 'kysely'

import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { Membership } from './check-access.ts'

// The check of an upload against the quota is `document_check_quota` in 0007-quotas-and-rate-limits.sql.

/** How much a firm may store; undefined: unlimited. */
export type Quota = { bytes: number | undefined; documents: number | undefined }

/** Of firms without a quota of their own. `draftBytes`: until the platform approves the firm. */
export type DefaultQuota = Quota & { draftBytes: number | undefined }

/** The additions of an upload. */
export type AddedUsage = { bytes: number; documents: 0 | 1 }

export type QuotaUsage = {
  usedBytes: number
  usedDocuments: number
  /** Null: unlimited. */
  quotaBytes: number | null
  quotaDocuments: number | null
  /** The quota of bytes is that of a firm that the platform has not approved yet. */
  isDraftQuota: boolean
}

/** The usage and the quota of a firm. Uploads in progress do not count. */
export async function readQuotaUsage(
  db: Db | Tx,
  { firmId, defaultQuota }: { firmId: FirmId; defaultQuota: DefaultQuota },
): Promise<QuotaUsage> {
  const { rows } = await sql<QuotaUsage>`
    select used.bytes::float8 as "usedBytes", used.documents::float8 as "usedDocuments",
      quota.max_bytes::float8 as "quotaBytes", quota.max_documents::float8 as "quotaDocuments",
      quota.is_draft as "isDraftQuota"
    from document_usage_of(${firmId}) used, ${quotaOf(firmId, defaultQuota)} quota`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no usage of a firm')
  return row
}

/**
 * SQL: the quota of a firm, in one row: its own, else the default. Until the platform approves a firm, its default of bytes is
 * that of drafts, if it is less (`is_draft`). OFFSET 0 keeps the order of the firms, which are locked in it.
 */
export const quotaOf = (firmId: FirmId | RawBuilder<FirmId>, defaultQuota: DefaultQuota) => sql`(
  select case when of_draft.yes then ${defaultQuota.draftBytes ?? null}::bigint
      else coalesce(q.max_bytes, ${defaultQuota.bytes ?? null}::bigint) end as max_bytes,
    coalesce(q.max_documents, ${defaultQuota.documents ?? null}::bigint) as max_documents, of_draft.yes as is_draft
  from (select) as one
  left join document_quotas q on q.firm_id = ${firmId}
  left join security_firms f on f.id = ${firmId}
  cross join lateral (select ${isLessForDrafts(defaultQuota)}::boolean and q.max_bytes is null
    and f.verification_status is distinct from 'approved' as yes) as of_draft
  offset 0)`

function isLessForDrafts({ bytes, draftBytes }: DefaultQuota): boolean {
  return draftBytes !== undefined && (bytes === undefined || draftBytes < bytes)
}

/** For a new firm, which is not approved yet. */
export function emptyQuotaUsage(defaultQuota: DefaultQuota): QuotaUsage {
  const isDraftQuota = isLessForDrafts(defaultQuota)
  const { bytes, documents, draftBytes } = defaultQuota
  const quotaBytes = (isDraftQuota ? draftBytes : bytes) ?? null
  return { usedBytes: 0, usedDocuments: 0, quotaBytes, quotaDocuments: documents ?? null, isDraftQuota }
}

/** A firm's own quota; null: the default, undefined: unchanged. */
export type QuotaChange = { bytes?: number | null | undefined; documents?: number | null | undefined }

/** False without a change. */
export async function setQuota(trx: Tx, { firmId }: Membership, change: QuotaChange): Promise<boolean> {
  const { rows } = await sql`
    insert into document_quotas as q (firm_id, max_bytes, max_documents)
    values (${firmId}, ${change.bytes ?? null}, ${change.documents ?? null})
    on conflict (firm_id) do update set
      max_bytes = case when ${change.bytes === undefined}::boolean then q.max_bytes else excluded.max_bytes end,
      max_documents = case when ${change.documents === undefined}::boolean then q.max_documents else excluded.max_documents end,
      changed_at = now()
    where (${change.bytes !== undefined}::boolean and q.max_bytes is distinct from excluded.max_bytes)
      or (${change.documents !== undefined}::boolean and q.max_documents is distinct from excluded.max_documents)
    returning firm_id`.execute(trx)
  return rows.length === 1
}

/** Firms per statement. Each firm is locked until the statement ends. */
const maxFirmsAtOnce = 200

/**
 * A system task: adds the changes of all firms to their totals, a batch of firms at a time. Returns the number of
 * changes.
 */
export async function aggregateUsage(db: Db): Promise<number> {
  let all = 0
  let after: FirmId | null = null
  do {
    const { rows } = await sql<{ changes: number; last: FirmId | null }>`
      with changed as (
        select distinct firm_id from document_usage_changes
        where ${after}::uuid is null or firm_id > ${after}::uuid order by firm_id limit ${maxFirmsAtOnce}
      )
      select coalesce(document_aggregate_usage(array_agg(firm_id)), 0) as changes,
        case when count(*) = ${maxFirmsAtOnce} then (array_agg(firm_id order by firm_id desc))[1] end as last
      from changed`.execute(db)
    all += rows[0]?.changes ?? 0
    after = rows[0]?.last ?? null
  } while (after !== null)
  return all
}
