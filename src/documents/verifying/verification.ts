import { randomInt } from 'node:crypto'

import { countVersionsIn, type Sample } from '../../database/documents/versions-in-store.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { DocumentId, FirmId, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'
import { reachableStores } from '../stores/stores.ts'
import type { Patience } from '../stores/wait-for-s3.ts'
import type { CheckNeeds } from './check-version.ts'
import type { RepairNeeds } from './orphans.ts'

export type VerifyNeeds = CheckNeeds & RepairNeeds & { metrics: Pick<Metrics, 'damagedVersions' | 'verifiedBytes'> }

/** With how long S3 is waited for when it goes away in the middle. */
export type Verification = {
  plan: VerificationPlan
  /** Every byte; else presence and length alone. */
  reads: boolean
  /** Strays are put aside: `few` stops where there are suspiciously many. */
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
  /** Versions of the platform whose hash is known from now on. */
  hashed: number
  findings: FindingCounts
  /** What is worth knowing and no failure. */
  notes: string[]
  isComplete: boolean
  /** Whether all that could be looked at is right, or was set right. */
  isRight: boolean
}

/** One that is under way: what was asked for, and what was found so far. */
export type VerificationRun = Pick<Verification, 'onFinding'> & { verification: Verification; verified: Verified }

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

type FindingCounts = Record<FindingKind, number>

export function createFindingCounts(): FindingCounts {
  return Object.fromEntries(findingKinds.map((kind) => [kind, 0])) as FindingCounts // every kind is in the list
}

/** What is not right, and was not set right either. */
export function countUnresolved({
  missing,
  wrong,
  unchecked,
  late_fallback,
  stray,
  stray_upload,
  quarantined,
  aborted,
}: FindingCounts) {
  return {
    missing,
    wrong,
    unchecked,
    late_fallback,
    stray: Math.max(0, stray - quarantined),
    stray_upload: Math.max(0, stray_upload - aborted),
  }
}

/** So much of all versions the daily job looks at. */
export const dailyShare = 0.01

/** Draws the versions to look at, others each time: all of them, or a share. */
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
