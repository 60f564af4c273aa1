import { sql } from 'kysely'

import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { Membership } from './membership.ts'

/** How much a firm may store; undefined: unlimited. */
export type Quota = { bytes: number | undefined; documents: number | undefined }

/** What an upload adds. */
export type AddedUsage = { bytes: number; documents: 0 | 1 }

export type QuotaUsage = {
  usedBytes: number
  usedDocuments: number
  /** Null: unlimited. */
  quotaBytes: number | null
  quotaDocuments: number | null
}

/** What the firm stores and may store. What is on its way does not count. */
export async function readQuotaUsage(
  db: Db | Tx,
  { firmId, defaultQuota }: { firmId: FirmId; defaultQuota: Quota },
): Promise<QuotaUsage> {
  const { rows } = await sql<QuotaUsage>`
    select used.bytes::float8 as "usedBytes", used.documents::float8 as "usedDocuments",
      coalesce(q.max_bytes, ${defaultQuota.bytes ?? null}::bigint)::float8 as "quotaBytes",
      coalesce(q.max_documents, ${defaultQuota.documents ?? null}::bigint)::float8 as "quotaDocuments"
    from document_usage_of(${firmId}) used left join document_quotas q on q.firm_id = ${firmId}`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no usage of a firm')
  return row
}

/** Of a firm that is new. */
export function emptyQuotaUsage({ bytes, documents }: Quota): QuotaUsage {
  return { usedBytes: 0, usedDocuments: 0, quotaBytes: bytes ?? null, quotaDocuments: documents ?? null }
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

/** Firms in one statement: each takes a lock until its end. */
const maxFirmsAtOnce = 200

/** A system task: adds the changes of all firms to their sums, a batch of firms at a time. Returns the number of changes. */
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
