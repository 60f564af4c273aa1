import type { DocumentId, FirmId, StoreId, StoreName } from '../../vocabulary.ts'

/**
 * - `missing`, `wrong`: a version whose bytes are gone, or are others than were stored.
 * - `unchecked`: a version, or a whole store, that could not be asked.
 * - `late_fallback`: a file that has waited for S3 for more than a day.
 * - `stray`, `stray_upload`: bytes, or an unfinished multipart upload, that no row names.
 * - `restored`, `quarantined`, `finished`, `aborted`: what was set right: a version that may be downloaded again, a stray
 *   that was put aside now or by a repair that was killed, an unfinished upload that was ended.
 */
export const findingKinds = [
  'missing',
  'wrong',
  'unchecked',
  'late_fallback',
  'stray',
  'stray_upload',
  'restored',
  'quarantined',
  'finished',
  'aborted',
] as const
export type FindingKind = (typeof findingKinds)[number]

export type Finding = {
  kind: FindingKind
  store: StoreName
  storeId: StoreId | null
  /** Null where a whole store is meant. */
  key: string | null
  bytes?: number
  /** The version whose bytes they are. */
  document?: { firmId: FirmId; documentId: DocumentId; version: number }
  /** Of a stray when it was written, of a waiting file when it was uploaded. */
  since?: Date
  why: string
}

/** The part of a finding that says where. `key`: null for the whole store. */
export function findingAt(
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  key: string | null,
): Pick<Finding, 'store' | 'storeId' | 'key'> {
  return { store, storeId, key }
}

export type Tally = Record<FindingKind, number>

export function emptyTally(): Tally {
  return {
    missing: 0,
    wrong: 0,
    unchecked: 0,
    late_fallback: 0,
    stray: 0,
    stray_upload: 0,
    restored: 0,
    quarantined: 0,
    finished: 0,
    aborted: 0,
  }
}

/** What is not right, and was not set right either. */
export function leftOf({ missing, wrong, unchecked, late_fallback, stray, stray_upload, quarantined, aborted }: Tally) {
  return {
    missing,
    wrong,
    unchecked,
    late_fallback,
    stray: Math.max(0, stray - quarantined),
    stray_upload: Math.max(0, stray_upload - aborted),
  }
}
