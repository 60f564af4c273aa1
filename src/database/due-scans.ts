import { sql } from 'kysely'

import type { ScanStatus, StoreId, StoreName } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { storedColumns, type StoredVersion } from './versions-in-store.ts'

/** A version whose scan is due, claimed for a while: nobody else scans it until then. */
export type DueScan = StoredVersion & {
  scanStatus: ScanStatus
  attempts: number
  /** Since when it waits for a verdict: since it came, or, where there was no scanner then, since it was first tried. */
  waitingSince: Date
}

/** `waiting`: without a verdict. `again`: clean ones whose turn it is. */
export type DueKind = 'waiting' | 'again'

/** How long a scanner of ours that is not heard of keeps its claim: longer than a file takes that is not very large; to scan one twice does no harm. */
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
export async function noteSignatures(db: Db, signatures: number): Promise<boolean> {
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
