import { randomInt } from 'node:crypto'

import { countVersionsIn, type Sample } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { DocumentId, FirmId, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'
import type { ReportNeeds } from '../stores/report-damaged.ts'
import type { RemoveNeeds } from '../stores/remove-blobs.ts'
import { reachableStores } from '../stores/reachable-stores.ts'
import type { Patience } from '../stores/wait-for-s3.ts'

/** `graceMs`: younger orphans and unfinished uploads stay, since they may get a row yet. */
export type VerifyNeeds = ReportNeeds &
  RemoveNeeds & { graceMs: number; metrics: Pick<Metrics, 'damagedVersions' | 'verifiedBytes'> }

/** `Patience`: how long to wait for S3 if it goes away meanwhile. */
export type Verification = {
  plan: VerificationPlan
  /** Every byte is read; else only presence and length are checked. */
  reads: boolean
  /** Whether orphans move to quarantine. `few`: not if there are suspiciously many. */
  repairs: 'nothing' | 'few' | 'many'
  concurrency: number
  onFinding: (finding: Finding) => void
  onChecked: (done: { files: number; bytes: number }) => void
} & Patience

type VerificationPlan = {
  share: number
  sample: Sample | undefined
  total: { files: number; bytes: number }
}

export type Verified = {
  files: number
  bytes: number
  /** Versions on other disks, or in a store that is not set up here. */
  notHere: number
  /** Versions of the platform whose hash was added. */
  hashed: number
  findings: FindingCounts
  /** Facts that are no failure. */
  notes: string[]
  isComplete: boolean
  /** Whether everything that could be checked is right, or was repaired. */
  isRight: boolean
}

/** A verification in progress: its request, and its results so far. */
export type VerificationRun = Pick<Verification, 'onFinding'> & { verification: Verification; verified: Verified }

/**
 * - `missing`, `wrong`: a version whose content is absent, or differs from its row.
 * - `unchecked`: a version, or a whole store, that could not be asked.
 * - `late_fallback`: a file that has waited for S3 for more than a day.
 * - `orphan`, `orphan_upload`: an orphan, or an unfinished multipart upload, that no row names.
 * - `restored`: a damaged version that is right again. `quarantined`, `finished`: an orphan that was moved to quarantine
 *   now, or by an earlier repair that was killed. `aborted`: an unfinished upload that was ended.
 */
export const findingKinds = [
  'missing',
  'wrong',
  'unchecked',
  'late_fallback',
  'orphan',
  'orphan_upload',
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
  /** Null for a whole store. */
  key: string | null
  bytes?: number
  document?: { firmId: FirmId; documentId: DocumentId; version: number }
  /** When an orphan was written, or a waiting file was uploaded. */
  since?: Date
  why: string
}

/** The location part of a finding. `key`: null for the whole store. */
export function findingAt(
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  key: string | null,
): Pick<Finding, 'store' | 'storeId' | 'key'> {
  return { store, storeId, key }
}

type FindingCounts = Record<FindingKind, number>

export function createFindingCounts(): FindingCounts {
  return Object.fromEntries(findingKinds.map((kind) => [kind, 0])) as FindingCounts // the list has every kind
}

/** Findings that were not repaired. */
export function countUnresolved(counts: FindingCounts) {
  const { missing, wrong, unchecked, late_fallback, orphan, orphan_upload, quarantined, aborted } = counts
  return {
    missing,
    wrong,
    unchecked,
    late_fallback,
    orphan: Math.max(0, orphan - quarantined),
    orphan_upload: Math.max(0, orphan_upload - aborted),
  }
}

/** The share of all versions that the daily job checks. */
export const dailyShare = 0.01

/** Draws the versions to check: all of them, or a share that differs each time. */
export async function planVerification({ db, stores }: VerifyNeeds, share: number): Promise<VerificationPlan> {
  const sample = share < 1 ? { share, salt: randomInt(2 ** 32) } : undefined
  const counts = await Promise.all(reachableStores(stores).map((here) => countVersionsIn(db, { ...here, sample })))
  return {
    share,
    sample,
    total: {
      files: counts.reduce((sum, { files }) => sum + files, 0),
      bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
    },
  }
}
