import { sql } from 'kysely'

import type { DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type PurgeState, purgeStateOf, type PurgeTimes, retainedUntil } from './purge-protections.ts'

/** A document that a purge considers. */
export type PurgeCandidate = {
  firmId: FirmId
  documentId: DocumentId
  documentType: string
  deletedAt: Date | null
  /** To the microsecond, for paging; null for a named document that is not in the trash. */
  deletedAtExact: string | null
  files: number
  bytes: number
  state: PurgeState
  retainedUntil: Date | null
}

export type PurgeScope = {
  /** Only these documents, in the trash or not. Undefined: all that have been in the trash for long enough. */
  documentIds: DocumentId[] | undefined
}

export type PurgeCursor = Pick<PurgeCandidate, 'deletedAtExact' | 'documentId'>

/**
 * A system task: lists the documents that a purge considers, a page at a time: the trash by the time of deletion, oldest
 * first, or the named documents by id. Each page continues in the index after the previous one.
 */
export async function listPurgeable(
  db: Db,
  times: PurgeTimes,
  scope: PurgeScope,
  { after, limit }: { after: PurgeCursor | undefined; limit: number },
): Promise<PurgeCandidate[]> {
  const order = scope.documentIds === undefined ? sql`d.deleted_at, d.id` : sql`d.id`
  const { rows } = await sql<PurgeCandidate>`
    -- Materialized, so that the expressions below are evaluated only for the rows of this page.
    with page as materialized (
      select d.firm_id, d.id, d.document_type, d.deleted_at, d.purge_approved_at from documents d
      where ${isIn(scope, times)} and ${isAfter(after)}
      order by ${order} limit ${limit}
    )
    select d.firm_id as "firmId", d.id as "documentId", d.document_type as "documentType", d.deleted_at as "deletedAt",
      d.deleted_at::text as "deletedAtExact", stored.files, stored.bytes, ${purgeStateOf(times)} as state,
      ${retainedUntil} as "retainedUntil"
    from page d
    cross join lateral (
      select count(*)::int as files, coalesce(sum(v.file_size), 0)::float8 as bytes from document_versions v
      where v.firm_id = d.firm_id and v.document_id = d.id and v.bytes_state <> 'removed'
    ) stored
    order by ${order}`.execute(db)
  return rows
}

/** The number and size of the files of all these documents. */
export async function countPurgeable(
  db: Db,
  times: PurgeTimes,
  scope: PurgeScope,
): Promise<{ files: number; bytes: number }> {
  const { rows } = await sql<{ files: number; bytes: number }>`
    select count(v.id)::int as files, coalesce(sum(v.file_size), 0)::float8 as bytes
    from documents d left join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.bytes_state <> 'removed'
    where ${isIn(scope, times)}`.execute(db)
  return rows[0] ?? { files: 0, bytes: 0 }
}

/** For a document that the transaction has locked. Undefined if it does not exist. */
export async function findPurgeState(
  trx: Tx,
  { firmId, documentId }: Pick<PurgeCandidate, 'firmId' | 'documentId'>,
  times: PurgeTimes,
): Promise<PurgeState | undefined> {
  const { rows } = await sql<{ state: PurgeState }>`
    select ${purgeStateOf(times)} as state from documents d where d.firm_id = ${firmId} and d.id = ${documentId}`.execute(
    trx,
  )
  return rows[0]?.state
}

const isIn = ({ documentIds }: PurgeScope, { before }: PurgeTimes) => {
  if (documentIds !== undefined) return sql<boolean>`d.id = any (${documentIds}::uuid[])`
  // Repeats the condition of the trash's index. With a parameter that may be null, the planner would not use its range.
  return before === undefined
    ? sql<boolean>`d.deleted_at is not null`
    : sql<boolean>`d.deleted_at is not null and d.deleted_at <= ${before}::timestamptz`
}

const isAfter = (after: PurgeCursor | undefined) => {
  if (after === undefined) return sql<boolean>`true`
  const { deletedAtExact, documentId } = after
  return deletedAtExact === null
    ? sql<boolean>`d.id > ${documentId}::uuid`
    : sql<boolean>`(d.deleted_at, d.id) > (${deletedAtExact}::timestamptz, ${documentId}::uuid)`
}
