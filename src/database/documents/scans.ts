import { type RawBuilder, sql } from 'kysely'

import type { DocumentId, FirmId, ScanStatus, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { EventActor } from '../audit/events.ts'
import { inTransaction } from '../connection/in-transaction.ts'
import { lockAndFollow } from './documents.ts'
import { isAtLocation, platformPathOfVersion } from './blob-location.ts'
import { storedColumns, type StoredVersion } from './versions-in-store.ts'

/** A version whose scan is due, claimed for a while: no other process scans it until then. */
export type DueScan = StoredVersion & {
  scanStatus: ScanStatus
  attempts: number
  /** Since when it waits for a verdict: since it came, or, where there was no scanner then, since it was first tried. */
  waitingSince: Date
}

/** `waiting`: without a verdict. `again`: clean ones whose turn it is. */
export type DueKind = 'waiting' | 'again'

/** The lifetime of a claim: longer than the scan of most files. A second scan does no harm. */
const claim = sql`interval '5 minutes'`

/** A system task's: claims versions of one store whose scan is due, those that waited longest first. */
export async function claimDueScans(
  db: Db,
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  kind: DueKind,
  limit: number,
): Promise<DueScan[]> {
  const isOfKind = kind === 'again' ? sql`scan_status = 'clean'` : sql`scan_status in ('pending', 'skipped')`
  const { rows } = await sql<DueScan>`
    with due as materialized (
      select firm_id, id from document_versions
      where bytes_state = 'present' and ${isOfKind} and scan_due_at <= now() and store = ${store}
        and (store = 's3' or store_id = ${storeId}::uuid or store_id is null)
      order by scan_due_at limit ${limit} for update skip locked
    )
    update document_versions v set scan_due_at = now() + ${claim},
      scan_tried_at = case when v.scan_status = 'clean' then null else coalesce(v.scan_tried_at, now()) end
    from due, documents d
    where v.firm_id = due.firm_id and v.id = due.id and d.firm_id = v.firm_id and d.id = v.document_id
    returning ${storedColumns}, v.scan_status as "scanStatus", v.scan_attempts as attempts,
      case when v.scan_status = 'pending' then v.uploaded_at else coalesce(v.scan_tried_at, now()) end as "waitingSince"`.execute(
    db,
  )
  return rows
}

/** A claimed version that got no verdict: when to try again, and whether that was the file's doing. */
export async function postponeScan(
  db: Db,
  { firmId, versionId }: DueScan,
  { seconds, isFilesDoing }: { seconds: number; isFilesDoing: boolean },
): Promise<void> {
  await sql`
    update document_versions set scan_due_at = now() + make_interval(secs => ${seconds}),
      scan_attempts = scan_attempts + ${isFilesDoing ? 1 : 0}
    where firm_id = ${firmId} and id = ${versionId}`.execute(db)
}

/**
 * Notes what an instance's scanner knows. True when nobody had such new signatures before, so that what is clean may
 * not be by what is known now. The first ones ever seen are no news.
 */
export async function recordSignatures(db: Db, signatures: number): Promise<boolean> {
  const { rows } = await sql<{ isNews: boolean }>`
    with before as materialized (select signatures from document_scanner)
    insert into document_scanner as s (signatures, since) values (${signatures}, now())
    on conflict (is_only) do update set signatures = excluded.signatures, since = excluded.since
    where s.signatures < excluded.signatures
    returning exists (select from before) as "isNews"`.execute(db)
  return rows[0]?.isNews ?? false
}

/** Makes the next scan due of a page of versions that came within so many days, and were scanned before the newest signatures were seen. Yields how many. */
export async function makeRecentDue(db: Db, { days, limit }: { days: number; limit: number }): Promise<number> {
  const { numAffectedRows } = await sql`
    update document_versions v set scan_due_at = now()
    from (
      select firm_id, id from document_versions
      where bytes_state = 'present' and scan_status = 'clean' and uploaded_at > now() - make_interval(days => ${days})
        and scanned_at < (select since from document_scanner) and scan_due_at > now() + ${claim}
      -- Those that somebody holds are being made due by another instance, or scanned: who waited for them, while holding
      -- others, could meet one that does the same.
      order by uploaded_at limit ${limit} for update skip locked
    ) as old
    where v.firm_id = old.firm_id and v.id = old.id`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** How long a clean version stays unlooked at. */
const rescanDays = 90

export type ScanRecorded =
  | { recorded: true; was: ScanStatus }
  /** It was moved, changed or removed since it was read, and is scanned again. */
  | { recorded: false }

/**
 * A system task's: a version whose bytes were read whole is clean, by what was known when that began. One that waited for that is shown to the platform from
 * now on, with its event, in one transaction.
 */
export async function recordClean(
  db: Db,
  actor: EventActor,
  version: DueScan,
  { secondsAgo }: { secondsAgo: number },
): Promise<ScanRecorded> {
  return recordVerdict(db, actor, version, {
    change: sql`scan_status = 'clean', scanned_at = now() - make_interval(secs => ${secondsAgo}), scan_due_at = now() + make_interval(days => ${rescanDays})`,
    event: 'document.scanned',
    outcome: 'ok',
    details: {},
  })
}

/** Records a virus: the version is not served any more, and the platform's row of its document is deleted. */
export async function recordInfected(
  db: Db,
  actor: EventActor,
  version: DueScan,
  signature: string,
): Promise<ScanRecorded> {
  return recordVerdict(db, actor, version, {
    change: sql`scan_status = 'infected', scanned_at = now(), scan_found = ${signature}`,
    event: 'document.quarantined',
    outcome: 'infected',
    details: { signature },
  })
}

type ScanChange = { change: RawBuilder<unknown>; event: string; outcome: string; details: Record<string, unknown> }

async function recordVerdict(
  db: Db,
  actor: EventActor,
  version: DueScan,
  { change, event, outcome, details }: ScanChange,
): Promise<ScanRecorded> {
  return inTransaction(db, async (trx) => {
    await lockAndFollow(trx, version)
    const { rows } = await sql<{ was: ScanStatus }>`
      with judged as (
        update document_versions v
        set ${change}, scan_attempts = 0, scan_tried_at = null
        from document_versions old
        where v.firm_id = ${version.firmId} and v.id = ${version.versionId} and ${isAtLocation(version, 'v.')}
          and v.file_size = ${version.fileSize} and v.scan_status <> 'infected' and v.bytes_state = 'present'
          and old.firm_id = v.firm_id and old.id = v.id
        returning v.firm_id, v.document_id, v.version, old.scan_status as was, v.scan_status as now_is
      ),
      event as (
        insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
        select ${event}, ${outcome}, firm_id, document_id, version, ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent},
          ${actor.requestId}, ${JSON.stringify(details)}::jsonb
        -- That a clean one is clean still is no news.
        from judged where was <> now_is
      )
      select was from judged`.execute(trx)
    const [judged] = rows
    if (judged === undefined) return { recorded: false }
    await updatePlatformRow(trx, version, judged.was === 'pending')
    return { recorded: true, was: judged.was }
  })
}

type DocumentRef = { firmId: FirmId; documentId: DocumentId }

/**
 * Makes the platform's row show the newest version that may be seen; none where the current one is in quarantine. A row
 * that is not there is only made for a version that has waited to be shown: the platform may have taken any other away.
 */
async function updatePlatformRow(trx: Tx, { firmId, documentId }: DocumentRef, mayAppear: boolean): Promise<void> {
  await sql`
    with newest as (
      select v.*, d.document_type, d.created_at, ${platformPathOfVersion} as path
      from documents d
      join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.scan_status in ('clean', 'skipped')
      where d.firm_id = ${firmId} and d.id = ${documentId} and d.deleted_at is null
        and not exists (select from document_versions c where c.firm_id = d.firm_id and c.document_id = d.id
                          and c.version = d.current_version and c.scan_status = 'infected')
      order by v.version desc limit 1
    ),
    hidden as (
      delete from firm_documents where id = ${documentId} and firm_id = ${firmId} and not exists (select from newest)
    )
    insert into firm_documents as shown (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
      is_verified, verified_by, verified_at, created_at, updated_at)
    select document_id, firm_id, document_type, file_name, path, file_size, mime_type, uploaded_by,
      review_status = 'verified', case when review_status = 'verified' then reviewed_by end,
      case when review_status = 'verified' then reviewed_at end, created_at, now()
    from newest
    where ${mayAppear}::boolean or exists (select from firm_documents where id = ${documentId} and firm_id = ${firmId})
    on conflict (id) do update set file_name = excluded.file_name, file_path = excluded.file_path,
      file_size = excluded.file_size, mime_type = excluded.mime_type, uploaded_by = excluded.uploaded_by,
      is_verified = excluded.is_verified, verified_by = excluded.verified_by, verified_at = excluded.verified_at,
      updated_at = now()
    where shown.firm_id = excluded.firm_id and shown.file_path <> excluded.file_path`.execute(trx)
}

/** A page of the versions of one store in which a virus was found, and whose bytes are not in quarantine yet. */
export async function listInfectedWithBytes(
  db: Db,
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  { after, limit }: { after: Pick<StoredVersion, 'firmId' | 'versionId'> | undefined; limit: number },
): Promise<(StoredVersion & { signature: string })[]> {
  const { rows } = await sql<StoredVersion & { signature: string }>`
    select ${storedColumns}, coalesce(v.scan_found, '') as signature
    from document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
    where v.scan_status = 'infected' and v.bytes_state = 'present' and v.store = ${store}
      and (v.store = 's3' or v.store_id = ${storeId}::uuid or v.store_id is null)
      and (${after?.firmId ?? null}::uuid is null
        or (v.firm_id, v.id) > (${after?.firmId ?? null}::uuid, ${after?.versionId ?? null}::uuid))
    order by v.firm_id, v.id limit ${limit}`.execute(db)
  return rows
}
