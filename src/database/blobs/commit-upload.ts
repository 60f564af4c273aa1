import { sql } from 'kysely'

import type { Actor, BlobId, DocumentId, FirmId, ScanStatus, Sha256, UserId } from '../../vocabulary/vocabulary.ts'
import { alone, type Batched, createBatch, inOrder, lockWaitOf } from '../connection/batch.ts'
import type { Db, Tx } from '../connection/client.ts'
import { documentColumns, type DocumentRecord, type VersionOfFile } from '../documents/documents.ts'
import { firstDuplicate } from '../documents/find-duplicate.ts'
import { idempotencyKeyLifetime, type IdempotencyScope } from './idempotency-keys.ts'
import { inOneStatement } from '../connection/in-transaction.ts'
import { detailsOf } from '../audit/events.ts'
import { callerOfEach } from '../people/session-state.ts'
import { type AccessRow, accessOf, membershipFrom, type RightToCheck } from '../people/check-access.ts'
import { type BlobLocation, platformPath } from '../documents/versions-in-store.ts'
import { platformRowInsert, platformRowUpdate, writeSteps } from './rows-of-upload.ts'

/** A durable blob that becomes a version. */
export type NewVersion = BlobLocation &
  VersionOfFile & {
    blobId: BlobId
    firmId: FirmId
    documentId: DocumentId
    /** False: a new version of a document that the transaction has locked. */
    isNewDocument: boolean
    sha256: Sha256
    etag: string | undefined
    objectVersionId: string | undefined
    isFallback: boolean
    scanStatus: ScanStatus
    /**
     * The start of its scan by the clock of `performance`; undefined without a scan. The scan does not cover later
     * signatures.
     */
    scanStartedAt?: number
    /** The version of the same document with the same content, whose scan time applies. */
    copyOf?: number
    /** The idempotency key, if any, and a fingerprint of the request that its repeats must match. */
    idempotency: { scope: IdempotencyScope; fingerprint: string } | undefined
  }

/** `duplicateOf`: an earlier document with the same content. */
export type RecordedDocument = DocumentRecord & { duplicateOf: DocumentId | null }

/**
 * - `given_up`: the collector has abandoned the upload meanwhile.
 * - `answered`: another request with the same idempotency key was first.
 */
export type CommitResult = { outcome: 'given_up' | 'answered' } | { outcome: 'committed'; document: RecordedDocument }

/** `signal`: aborts when the client disconnects; a statement that was not sent yet is then not sent. */
export type CommitUpload = (actor: Actor, version: NewVersion, signal: AbortSignal) => Promise<CommitResult>

type Right = RightToCheck & { event: string }

type CommitRequest = { actor: Actor; version: NewVersion }
type AbortableCommit = CommitRequest & { signal: AbortSignal }
type Row = AccessRow & { position: number } & { outcome: CommitResult['outcome'] } & RecordedDocument

/**
 * Commits new documents. Uploads that become durable during a statement share the next one. Throws `AccessDenied` if the
 * person lost the right during the upload, and `OutcomeUnknown`.
 */
export function createUploadCommitter(db: Db, right: Right, confidentialRoles: readonly string[]): CommitUpload {
  const commitFirsts = async (asked: AbortableCommit[]) => {
    // Of several uploads with the same key, one goes first. The others are repeated when its outcome is known.
    const isFirst = findFirstOfEachKey(asked.map(({ version }) => idempotencyKeyOf(version)))
    const firsts = asked.filter((_each, index) => isFirst[index])
    const rows = await inOneStatement(db, (connection) => commitAll(connection, firsts, { right, confidentialRoles }))
    const next = rows.values()
    return isFirst.map((isTaken) => (isTaken ? (next.next().value ?? alone) : alone))
  }
  const commit: Batched<AbortableCommit, Row> = createBatch('commit upload', commitFirsts, {
    signalOf: ({ signal }) => signal,
  })
  return async (actor, version, signal) => {
    return toCommitResult(await commit({ actor, version, signal }), { actor, version })
  }
}

/** Commits one upload, in a transaction that has locked its document. */
export async function commitUpload(
  trx: Tx,
  asked: CommitRequest,
  access: { right: Right; confidentialRoles: readonly string[] },
): Promise<CommitResult> {
  const [row] = await commitAll(trx, [asked], access)
  if (row === undefined) throw new Error('the database returned no outcome of an upload')
  return toCommitResult(row, asked)
}

function toCommitResult(row: Row, { actor, version }: CommitRequest): CommitResult {
  membershipFrom(row, { userId: actor.userId, firmId: version.firmId })
  return row.outcome === 'committed' ? { outcome: 'committed', document: row } : { outcome: row.outcome }
}

function idempotencyKeyOf({ idempotency: once }: NewVersion): string | undefined {
  return once && JSON.stringify(once.scope)
}

function findFirstOfEachKey(keys: (string | undefined)[]): boolean[] {
  const seen = new Set<string>()
  return keys.map((key) => {
    if (key === undefined) return true
    const isFirst = !seen.has(key)
    seen.add(key)
    return isFirst
  })
}

/**
 * Each step processes only the uploads that passed the step before: right, blob, idempotency key, then all rows and the
 * event. So a rejected upload writes nothing. Locks are taken in the same order, and within a step in the order of ids, so
 * that two batches never wait for each other (decision 32).
 */
async function commitAll(
  db: Db | Tx,
  asked: CommitRequest[],
  { right, confidentialRoles }: { right: Right; confidentialRoles: readonly string[] },
): Promise<Row[]> {
  const caller = callerOfEach(asked.map(({ actor }) => actor))
  const firmId = sql.ref<FirmId>('asked.firm_id')
  const member = { firmId: sql.ref('j.firm_id'), userId: sql.ref<UserId>('j.user_id'), role: sql.ref('j.role') }
  const { rows } = await sql<Row>`
    with asked as materialized (
      select * from json_to_recordset(${JSON.stringify(asked.map(rowOf))}::json) as asked (
        position int, user_id uuid, session_id uuid, api_key_id uuid, ip text, user_agent text, request_id text, firm_id uuid, document_id uuid,
        document_type text, is_new boolean, blob_id uuid, version_id uuid, file_name text, file_size int, mime_type text,
        sha256 text, store text, store_id uuid, storage_key text, platform_path text, is_fallback boolean, etag text,
        object_version_id text, scan_status text, is_servable boolean, scanned_seconds_ago float8, copy_of int,
        route text, key text, fingerprint text, details jsonb), ${lockWaitOf(asked)} as lock_timeout
    ),
    judged as materialized (
      select asked.*, access.denial, access.role
      from asked cross join lateral ${accessOf({ caller, firmId, right })} as access
    ),
    ${choiceSteps},
    ${writeSteps},
    ${platformRowInsert} ${asked.some(({ version }) => !version.isNewDocument) ? platformRowUpdate : sql``}
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
      select ${right.event}, 'ok', firm_id, document_id, version, user_id, ip, user_agent, request_id, details from going
    )
    select j.position, j.denial, j.role, ${outcome} as outcome, ${documentColumns},
      ${firstDuplicate(member, confidentialRoles, { sha256: sql.ref('j.sha256'), before: null })} as "duplicateOf"
    from judged j
    left join v on v.id = j.version_id
    left join d on d.firm_id = v.firm_id and d.id = v.document_id
    order by j.position`.execute(db)
  return inOrder(rows, asked)
}

/** SQL, from `judged`: selects the uploads to commit, `going`, with their version numbers. */
const choiceSteps = sql`
  locked as materialized (
    -- By id and in any state: the state is read after the lock wait, and no index is used that every upload changes.
    select b.id, b.state from document_blobs b
    where b.id = any (array(select blob_id from judged where denial is null)) order by b.id for update
  ),
  incoming as materialized (select id from locked where state = 'incoming'),
  numbered as materialized (
    select j.*, case when j.is_new then 1 else (
      select max(each.version) + 1 from document_versions each
      where each.firm_id = j.firm_id and each.document_id = j.document_id) end as version
    from judged j join incoming i on i.id = j.blob_id
  ),
  remembered as (
    insert into document_idempotency_keys as old (firm_id, user_id, route, key, fingerprint, document_id, version)
    select firm_id, user_id, route, key, fingerprint, document_id, version from numbered
    where key is not null order by firm_id, user_id, route, key
    -- Waits for an undecided request with the same key. An expired key can be used again.
    on conflict (firm_id, user_id, route, key) do update set
      fingerprint = excluded.fingerprint, document_id = excluded.document_id, version = excluded.version,
      created_at = excluded.created_at
    where old.created_at < now() - ${idempotencyKeyLifetime}
    returning firm_id, user_id, route, key
  ),
  going as materialized (
    select n.* from numbered n
    where n.key is null or (n.firm_id, n.user_id, n.route, n.key) in (select firm_id, user_id, route, key from remembered)
  )`

/** SQL, for `judged j`. It has no meaning for a denied request. */
const outcome = sql<CommitResult['outcome']>`case
  when exists (select from going g where g.blob_id = j.blob_id) then 'committed'
  when exists (select from incoming i where i.id = j.blob_id) then 'answered'
  else 'given_up'
end`

/** `toWellFormed`: the database rejects JSON with lone surrogates. */
function rowOf({ actor, version }: CommitRequest, position: number) {
  const { idempotency: once, store, scanStatus, copyOf, sha256, fileSize } = version
  return {
    position,
    user_id: actor.userId,
    session_id: actor.sessionId,
    api_key_id: actor.apiKeyId,
    ip: actor.ip,
    user_agent: actor.userAgent.toWellFormed(),
    request_id: actor.requestId,
    firm_id: version.firmId,
    document_id: version.documentId,
    document_type: version.documentType,
    is_new: version.isNewDocument,
    blob_id: version.blobId,
    version_id: version.versionId,
    file_name: version.fileName.toWellFormed(),
    file_size: fileSize,
    mime_type: version.mimeType,
    sha256,
    store,
    store_id: version.storeId,
    storage_key: version.key,
    platform_path: platformPath(version),
    is_fallback: version.isFallback,
    etag: version.etag,
    object_version_id: version.objectVersionId,
    scan_status: scanStatus,
    is_servable: scanStatus === 'clean' || scanStatus === 'skipped',
    // Calculated when the statement is sent, so that a wait for earlier statements does not make the scan look newer.
    scanned_seconds_ago: version.scanStartedAt === undefined ? 0 : (performance.now() - version.scanStartedAt) / 1000,
    copy_of: copyOf,
    route: once?.scope.route,
    key: once?.scope.key,
    fingerprint: once?.fingerprint,
    details: detailsOf(actor, {
      document_type: version.documentType,
      sha256,
      bytes: fileSize,
      store,
      ...(copyOf !== undefined && { restored: copyOf }),
    }),
  }
}
