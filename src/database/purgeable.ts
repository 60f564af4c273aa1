import { sql } from 'kysely'

import type { DocumentId, FirmId } from '../vocabulary.ts'
import { isClaimOver } from './blobs/blob.ts'
import type { Db, Tx } from './client.ts'

/** What stands before a purge of a document, first things first; `due` when nothing does. */
const purgeStates = ['not_in_trash', 'held', 'retained', 'needs_approval', 'busy', 'not_yet', 'due'] as const
export type PurgeState = (typeof purgeStates)[number]

/** A document that a purge looks at. */
export type PurgeCandidate = {
  firmId: FirmId
  documentId: DocumentId
  documentType: string
  deletedAt: Date | null
  /** To the microsecond, for paging. */
  deletedAtExact: string
  files: number
  bytes: number
  state: PurgeState
  retainedUntil: Date | null
}

/** `before`: documents that were deleted until then have been in the trash for long enough. Undefined: all have. */
export type PurgeTimes = { now: Date; before: Date | undefined }

export type PurgeScope = {
  /** These alone, in the trash or not; undefined: all that have been in the trash for long enough. */
  documentIds: DocumentId[] | undefined
}

export type PurgeCursor = Pick<PurgeCandidate, 'deletedAtExact' | 'documentId'>

/** A system task's walk over what may be purged, longest in the trash first. */
export async function listPurgeable(
  db: Db,
  times: PurgeTimes,
  scope: PurgeScope,
  { after, limit }: { after: PurgeCursor | undefined; limit: number },
): Promise<PurgeCandidate[]> {
  const { rows } = await sql<PurgeCandidate>`
    select d.firm_id as "firmId", d.id as "documentId", d.document_type as "documentType", d.deleted_at as "deletedAt",
      ${deletedAt}::text as "deletedAtExact", kept.files, kept.bytes, ${stateOf(times)} as state,
      ${retainedUntil} as "retainedUntil"
    from documents d
    cross join lateral (
      select count(*)::int as files, coalesce(sum(v.file_size), 0)::float8 as bytes from document_versions v
      where v.firm_id = d.firm_id and v.document_id = d.id and v.bytes_state <> 'removed'
    ) kept
    where ${isIn(scope, times)}
      and (${after === undefined} or (${deletedAt}, d.id) > (${after?.deletedAtExact ?? null}::timestamptz, ${after?.documentId ?? null}::uuid))
    order by ${deletedAt}, d.id limit ${limit}`.execute(db)
  return rows
}

/** How many files such a walk will meet, and their bytes. */
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

/** Of a document that the transaction holds; undefined when there is none. */
export async function findPurgeState(
  trx: Tx,
  { firmId, documentId }: Pick<PurgeCandidate, 'firmId' | 'documentId'>,
  times: PurgeTimes,
): Promise<PurgeState | undefined> {
  const { rows } = await sql<{ state: PurgeState }>`
    select ${stateOf(times)} as state from documents d where d.firm_id = ${firmId} and d.id = ${documentId}`.execute(
    trx,
  )
  return rows[0]?.state
}

// Those that were named may not be in the trash at all.
const deletedAt = sql`coalesce(d.deleted_at, 'infinity')`

const isIn = ({ documentIds }: PurgeScope, { before }: PurgeTimes) =>
  documentIds === undefined
    ? sql<boolean>`d.deleted_at is not null and (${before ?? null}::timestamptz is null or d.deleted_at <= ${before ?? null}::timestamptz)`
    : sql<boolean>`d.id = any (${documentIds}::uuid[])`

const stateOf = ({ now, before }: PurgeTimes) => sql<PurgeState>`case
  when d.deleted_at is null then 'not_in_trash'
  when ${isHeld} then 'held'
  when ${retainedUntil} > ${now}::timestamptz then 'retained'
  when d.purge_approved_at is null and ${isLastVerified} then 'needs_approval'
  when ${isAtWork} then 'busy'
  when d.deleted_at > ${before ?? null}::timestamptz then 'not_yet'
  else 'due' end`

/** SQL: whether a hold stands on document `d`, or on its firm. */
export const isHeld = sql<boolean>`(
  exists (select from document_holds h where h.document_id = d.id)
  or exists (select from document_holds h where h.firm_id = d.firm_id and h.document_id is null))`

/** SQL: until when the type of document `d` keeps it; null where it does not. */
export const retainedUntil = sql<Date | null>`(
  select max(v.uploaded_at) + make_interval(days => max(t.retention_days))
  from document_types t, document_versions v
  where t.code = d.document_type and v.firm_id = d.firm_id and v.document_id = d.id)`

/** SQL: whether document `d` is of a required type and its firm has no other paper of it, not in the trash, that was verified. */
export const isLastVerified = sql<boolean>`(
  exists (select from document_types t where t.code = d.document_type and t.is_required)
  and exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                and v.review_status = 'verified')
  and not exists (
    select from documents o join document_versions v on v.firm_id = o.firm_id and v.document_id = o.id
    where o.firm_id = d.firm_id and o.document_type = d.document_type and o.id <> d.id and o.deleted_at is null
      and v.review_status = 'verified' and v.bytes_state = 'present'))`

/** SQL: whether a live process writes bytes of document `d`, or it is on its way into quarantine. */
const isAtWork = sql<boolean>`(
  exists (select from document_blobs b where b.document_id = d.id and b.state = 'incoming' and not ${isClaimOver})
  or exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
               and v.scan_status = 'infected' and v.bytes_state = 'present'))`
