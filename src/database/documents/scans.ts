import { type RawBuilder, sql } from 'kysely'

import type { ScanStatus, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import type { EventActor } from '../audit/events.ts'
import { inTransaction } from '../connection/in-transaction.ts'
import { lockAndFollow } from './documents.ts'
import { isAtLocation } from './versions-in-store.ts'
import { showVersion } from './shown-version.ts'
import { storedColumns, type StoredVersion } from './versions-in-store.ts'

/** A version whose scan is due. It is claimed for some minutes, in which no other process scans it. */
export type DueScan = StoredVersion & {
  scanStatus: ScanStatus
  attempts: number
  /** The upload, or the first scan attempt if there was no scanner at the upload. */
  waitingSince: Date
}

/** `waiting`: versions without a verdict. `again`: clean versions whose rescan is due. */
export type DueKind = 'waiting' | 'again'

/** The lifetime of a claim: longer than the scan of most files. A second scan does no harm. */
const claim = sql`interval '5 minutes'`

/** A system task: claims versions of one store whose scan is due, longest due first. */
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

/**
 * Schedules the next attempt for a claimed version without a verdict. `isFilesDoing`: the file caused it, so it counts
 * as an attempt.
 */
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
 * Records the signatures of an instance's scanner. True if they are newer than all recorded ones: clean files may now be found
 * infected. False for the first signatures ever recorded.
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

/**
 * Makes the scan of recent clean versions due: uploaded within this number of days, and scanned before the newest signatures.
 * Does so for one page and returns its size.
 */
export async function makeRecentDue(db: Db, { days, limit }: { days: number; limit: number }): Promise<number> {
  const { numAffectedRows } = await sql`
    update document_versions v set scan_due_at = now()
    from (
      select firm_id, id from document_versions
      where bytes_state = 'present' and scan_status = 'clean' and uploaded_at > now() - make_interval(days => ${days})
        and scanned_at < (select since from document_scanner) and scan_due_at > now() + ${claim}
      -- Skips locked rows: another instance scans them or makes them due. Two instances that wait for each other's rows
      -- would deadlock.
      order by uploaded_at limit ${limit} for update skip locked
    ) as old
    where v.firm_id = old.firm_id and v.id = old.id`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

type ScanRecorded =
  | { recorded: true; was: ScanStatus }
  /** It was moved, changed or removed since the scan, and is scanned again. */
  | { recorded: false }

/**
 * A system task: records that a version is clean. `secondsAgo`: the age of the scan's start, whose signatures it used;
 * the version is scanned again after `rescanDays`. A
 * version that was pending gets its platform row and its event in the same transaction.
 */
export async function recordClean(
  db: Db,
  actor: EventActor,
  version: DueScan,
  { secondsAgo, rescanDays }: { secondsAgo: number; rescanDays: number },
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
        -- A rescan that finds a clean version clean again writes no event.
        from judged where was <> now_is
      )
      select was from judged`.execute(trx)
    const [judged] = rows
    if (judged === undefined) return { recorded: false }
    await showVersion(trx, version, { mayAppear: judged.was === 'pending', isDecision: false })
    return { recorded: true, was: judged.was }
  })
}

/** Lists a page of the infected versions of one store whose bytes are not in quarantine yet. */
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
