import { sql } from 'kysely'

import { isClaimExpired } from '../blobs/blob.ts'
import { hasLegalHold } from './legal-holds.ts'

/** The reason why a document cannot be purged yet, by precedence; `due` without one. */
const purgeStates = ['not_in_trash', 'held', 'retained', 'needs_approval', 'busy', 'not_yet', 'due'] as const
export type PurgeState = (typeof purgeStates)[number]

/** `before`: documents deleted by then have been in the trash for long enough. Undefined: all have. */
export type PurgeTimes = { now: Date; before: Date | undefined }

/** SQL: what protects document `d` from a purge at a time. */
export const purgeStateOf = ({ now, before }: PurgeTimes) => sql<PurgeState>`case
  when d.deleted_at is null then 'not_in_trash'
  when ${hasLegalHold} then 'held'
  when ${retainedUntil} > ${now}::timestamptz then 'retained'
  when d.purge_approved_at is null and ${isLastVerified} then 'needs_approval'
  when ${isBusy} then 'busy'
  when d.deleted_at > ${before ?? null}::timestamptz then 'not_yet'
  else 'due' end`

// Without `offset 0` below, the planner may read the whole table for each page to build a hash, instead of using an index.

/** SQL: when the retention period of the type of document `d` ends; null without one. */
export const retainedUntil = sql<Date | null>`(
  select max(v.uploaded_at) + make_interval(days => max(t.retention_days))
  from document_types t, document_versions v
  where t.code = d.document_type and v.firm_id = d.firm_id and v.document_id = d.id)`

/** SQL: whether document `d` is the only verified document of a required type that its firm has outside the trash. */
export const isLastVerified = sql<boolean>`(
  exists (select from document_types t where t.code = d.document_type and t.is_required)
  and exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                and v.review_status = 'verified' offset 0)
  and not exists (
    select from documents o join document_versions v on v.firm_id = o.firm_id and v.document_id = o.id
    where case when o.deleted_at is null then o.firm_id end = d.firm_id and o.document_type = d.document_type and o.id <> d.id
      and v.review_status = 'verified' and v.bytes_state = 'present' offset 0))`

/** SQL: whether a live process is writing a blob of document `d`, or the document is being moved into quarantine. */
const isBusy = sql<boolean>`(
  exists (select from document_blobs b where b.document_id = d.id and b.state = 'incoming' and not ${isClaimExpired} offset 0)
  or exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
               and v.scan_status = 'infected' and v.bytes_state = 'present' offset 0))`
