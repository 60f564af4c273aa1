import { type RawBuilder, sql } from 'kysely'

import type { DocumentId, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { codeOf, documentColumns, type DocumentRecord } from '../documents/documents.ts'
import { ownFirmsOf } from '../people/own-and-former-firms.ts'

/** A document that waits for a decision. The claim is null when nobody has one or it has expired. */
export type WaitingDocument = {
  document: DocumentRecord
  firmName: string
  waitingSince: Date
  /** The same time to the microsecond, for paging. */
  waitingSinceExact: string
  claim: { by: UserId; name: string; until: Date } | null
}

export type QueueFilter = { documentType: string | undefined; firmId: FirmId | undefined }
export type QueuePage = { limit: number; after: { at: string; id: string } | undefined }

/** The person who reads the queue, and whether this instance has a scanner: then unscanned documents must wait for it. */
export type QueueReader = { userId: UserId; hasScanner: boolean }

/** SQL, for `document_review_queue q`: what the filter names. It is in the text, so that the right index is used. */
const isNamed = ({ documentType, firmId }: QueueFilter) => sql<boolean>`true
  ${documentType === undefined ? sql`` : sql`and q.document_type = ${codeOf(documentType)}`}
  ${firmId === undefined ? sql`` : sql`and q.firm_id = ${firmId}`}`

/**
 * SQL, for `document_review_queue q`: whether this person may decide. It needs index columns alone, so that the documents
 * that it passes cost no look-up. The caller must have checked that they review at all.
 */
const isOfOthers = ({ userId, hasScanner }: QueueReader) => sql<boolean>`
  (q.is_scanned or not ${hasScanner}::boolean) and q.uploaded_by <> ${userId} and q.firm_id <> all (${ownFirmsOf(userId)})`

/**
 * SQL, for a row of `document_review_queue`: whether the document itself waits, and this person did not upload its content as
 * another version. The triggers may leave a row too many when two transactions change a document at once. OFFSET 0 forces
 * look-ups by key for each row, instead of a join with all documents.
 */
const isWaitingFor = (userId: UserId, q: 'q' | 'free' = 'q') => sql<boolean>`exists (
  select from documents d
  join security_firms firm on firm.id = d.firm_id
  join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
  where d.firm_id = ${sql.ref(`${q}.firm_id`)} and d.id = ${sql.ref(`${q}.document_id`)} and d.deleted_at is null
    and v.review_status = 'pending'
    and v.scan_status in ('clean', 'skipped') and v.bytes_state = 'present'
    and not exists (
      select from document_versions u
      where u.firm_id = v.firm_id and u.document_id = v.document_id and u.uploaded_by = ${userId}
        and (u.version = v.version or u.sha256 = v.sha256))
  offset 0)`

/**
 * SQL: the waiting documents whose content this person uploaded as an earlier version. It reads the person's own uploads.
 * OFFSET 0 forces look-ups by key for each of them.
 */
const restoredUploadsOf = (userId: UserId) => sql<DocumentId[]>`array(
  select own.document_id from document_versions own
  cross join lateral (
    select from document_review_queue waiting
    join document_versions v on v.firm_id = waiting.firm_id and v.document_id = waiting.document_id
      and v.version = waiting.version
    where waiting.document_id = own.document_id and waiting.firm_id = own.firm_id and waiting.version > own.version
      and v.sha256 = own.sha256
    offset 0
  ) each
  where own.uploaded_by = ${userId})`

type WaitingRow = DocumentRecord & {
  firmName: string
  waitingSince: Date
  waitingSinceExact: string
  claimedBy: UserId | null
  claimedUntil: Date | null
  claimantName: string
}

/** SQL: the name of a registered user, or of personnel of the platform. */
const nameOf = (userId: RawBuilder<unknown>) => sql<string>`coalesce(
  (select trim(first_name || ' ' || last_name) from registered_users where id = ${userId}),
  (select trim(first_name || ' ' || last_name) from document_personnel(${userId})), '')`

/** The documents of `from`, which yields keys of `document_review_queue`, with their claims, oldest first. */
async function readWaiting(db: Db | Tx, from: RawBuilder<unknown>, now: Date): Promise<WaitingDocument[]> {
  const { rows } = await sql<WaitingRow>`
    with named as materialized (${from}),
    page as materialized (
      select q.* from named join document_review_queue q on q.document_id = named.document_id and q.firm_id = named.firm_id
    )
    select ${documentColumns}, firm.name as "firmName", page.waiting_since as "waitingSince",
      page.waiting_since::text as "waitingSinceExact", page.claimed_until as "claimedUntil",
      case when page.claimed_until > ${now}::timestamptz then page.claimed_by end as "claimedBy",
      case when page.claimed_until > ${now}::timestamptz then ${nameOf(sql.ref('page.claimed_by'))} else '' end as "claimantName"
    from page
    join documents d on d.firm_id = page.firm_id and d.id = page.document_id
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
    join security_firms firm on firm.id = d.firm_id
    order by page.waiting_since, page.document_id`.execute(db)
  return rows.map(toWaiting)
}

function toWaiting({
  firmName,
  waitingSince,
  waitingSinceExact,
  claimedBy,
  claimedUntil,
  claimantName,
  ...document
}: WaitingRow): WaitingDocument {
  const claim =
    claimedBy === null || claimedUntil === null ? null : { by: claimedBy, name: claimantName, until: claimedUntil }
  return { document, firmName, waitingSince, waitingSinceExact, claim }
}

/** A page of the documents that this person may decide on, oldest first. */
export async function listWaiting(
  db: Db,
  reader: QueueReader,
  { filter, page, now }: { filter: QueueFilter; page: QueuePage; now: Date },
): Promise<WaitingDocument[]> {
  const isAfter =
    page.after === undefined
      ? sql`true`
      : sql`(q.waiting_since, q.document_id) > (${page.after.at}::timestamptz, ${page.after.id}::uuid)`
  return await readWaiting(
    db,
    sql`select q.document_id, q.firm_id from document_review_queue q
      where ${isNamed(filter)} and ${isAfter} and ${isOfOthers(reader)} and ${isWaitingFor(reader.userId)}
      order by q.waiting_since, q.document_id limit ${page.limit}`,
    now,
  )
}

/** One waiting document; undefined when nobody can decide on it now. */
export async function findWaiting(
  db: Db | Tx,
  documentId: DocumentId,
  now: Date,
): Promise<WaitingDocument | undefined> {
  const [waiting] = await readWaiting(
    db,
    sql`select q.document_id, q.firm_id from document_review_queue q where q.document_id = ${documentId} limit 1`,
    now,
  )
  return waiting
}

export type WaitingOfType = { documentType: string; waiting: number; oldest: Date }

/** How many documents of each type wait for a decision that this person may make. Reads one index of the queue only. */
export async function countWaiting(db: Db, reader: QueueReader, filter: QueueFilter): Promise<WaitingOfType[]> {
  const { rows } = await sql<WaitingOfType>`
    select q.document_type as "documentType", count(*)::integer as waiting, min(q.waiting_since) as oldest
    from document_review_queue q where ${isNamed(filter)} and ${isOfOthers(reader)}
      and q.document_id <> all (${restoredUploadsOf(reader.userId)})
    group by q.document_type order by oldest, q.document_type`.execute(db)
  return rows
}

/** One claim of a person at a time, so that two requests of theirs never claim two documents. */
export async function lockClaimsOf(trx: Tx, userId: UserId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('review claims:' || ${userId}::uuid, 0))`.execute(trx)
}

type ClaimTimes = { now: Date; until: Date }
export type Claimed = { documentId: DocumentId; firmId: FirmId }

/** Renews the oldest claim that this person has. `firmId`: of one firm. */
export async function renewClaim(
  trx: Tx,
  reader: QueueReader,
  { firmId, now, until }: ClaimTimes & { firmId: FirmId | null },
): Promise<Claimed | undefined> {
  const { rows } = await sql<Claimed>`
    with own as materialized (
      select q.document_id, q.firm_id from document_review_queue q
      where q.claimed_by = ${reader.userId} and q.claimed_until > ${now}
        and (${firmId}::uuid is null or q.firm_id = ${firmId}::uuid) and ${isOfOthers(reader)} and ${isWaitingFor(reader.userId)}
      order by q.waiting_since, q.document_id limit 1 for update of q
    )
    update document_review_queue q set claimed_until = ${until} from own
    where q.document_id = own.document_id and q.firm_id = own.firm_id
    returning q.document_id as "documentId", q.firm_id as "firmId"`.execute(trx)
  return rows[0]
}

/**
 * Claims the oldest document without a claim. Rows that others are claiming or deciding on are skipped. The walk reads an
 * index only: a lock in the same SELECT would read the row of every document that the walk passes.
 */
export async function claimOldest(
  trx: Tx,
  reader: QueueReader,
  { filter, now, until }: ClaimTimes & { filter: QueueFilter },
): Promise<Claimed | undefined> {
  const { rows } = await sql<Claimed>`
    with next as materialized (
      select q.document_id, q.firm_id from document_review_queue q
      cross join lateral (
        select from document_review_queue free
        where free.document_id = q.document_id and free.firm_id = q.firm_id
          and (free.claimed_until is null or free.claimed_until <= ${now}) and ${isWaitingFor(reader.userId, 'free')}
        for update of free skip locked
      ) locked
      where ${isNamed(filter)} and ${isOfOthers(reader)}
      order by q.waiting_since, q.document_id limit 1
    )
    update document_review_queue q set claimed_by = ${reader.userId}, claimed_until = ${until} from next
    where q.document_id = next.document_id and q.firm_id = next.firm_id
    returning q.document_id as "documentId", q.firm_id as "firmId"`.execute(trx)
  return rows[0]
}

/** Claims one document. False if it left the queue, or another person has claimed it. */
export async function claimOne(
  trx: Tx,
  { documentId, firmId }: Claimed,
  { userId, now, until }: ClaimTimes & { userId: UserId },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_review_queue set claimed_by = ${userId}, claimed_until = ${until}
    where document_id = ${documentId} and firm_id = ${firmId}
      and (claimed_by is null or claimed_by = ${userId} or claimed_until <= ${now})`.execute(trx)
  return numAffectedRows === 1n
}

/** Ends the other claims of a person who has just claimed a document, and returns them. `firmId`: those of one firm alone. */
export async function endOtherClaims(
  trx: Tx,
  { documentId }: Claimed,
  { userId, firmId, now }: { userId: UserId; firmId: FirmId | null; now: Date },
): Promise<Claimed[]> {
  const { rows } = await sql<Claimed>`
    update document_review_queue set claimed_by = null, claimed_until = null
    where claimed_by = ${userId} and claimed_until > ${now} and document_id <> ${documentId}
      and (${firmId}::uuid is null or firm_id = ${firmId}::uuid)
    returning document_id as "documentId", firm_id as "firmId"`.execute(trx)
  return rows
}

/** Ends the claim that `by` has on a document. False without one. */
export async function endClaim(trx: Tx, { documentId, firmId }: Claimed, by: UserId): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_review_queue set claimed_by = null, claimed_until = null
    where document_id = ${documentId} and firm_id = ${firmId} and claimed_by = ${by}`.execute(trx)
  return numAffectedRows === 1n
}

/** Locks a document in the queue, so that nobody claims it until the transaction ends. */
export async function lockInQueue(trx: Tx, { documentId, firmId }: Claimed): Promise<void> {
  await sql`
    select from document_review_queue where document_id = ${documentId} and firm_id = ${firmId} for update`.execute(trx)
}
