import type { EventActor } from '../../database/audit/events.ts'
import { storeHash, markPresent } from '../../database/documents/missing-and-corrupt.ts'
import {
  findStoredVersion,
  type StoredVersion,
  type VersionCursor,
  type VersionScope,
} from '../../database/documents/versions-in-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { type ReportNeeds, reportDamaged } from '../stores/report-damaged.ts'
import { findStore, type ReachableStore } from '../stores/reachable-stores.ts'
import { createS3Wait, type Patience } from '../stores/wait-for-s3.ts'
import { forEachConcurrently, walkVersions } from '../stores/walk-versions.ts'
import { compareTwice, type Comparison, type HowToCheck } from './compare-content.ts'

type VersionCheck = HowToCheck &
  Patience & {
    scope: VersionScope
    /** Checks only the first versions of the scope. */
    maxVersions?: number
    concurrency: number
    /** Called before each check, in the order of the scope. */
    onTaken?: (version: StoredVersion) => void
    onChecked: (checked: Checked) => void
  }

const maxTries = 4

/** Checks the versions of a scope. Memory is bounded. False if S3 stayed away or the signal ended it. */
export async function checkVersions(needs: ReportNeeds, actor: EventActor, check: VersionCheck): Promise<boolean> {
  const { scope, maxVersions, concurrency, signal, onTaken, onChecked } = check
  const isOnS3 = scope.store === 's3'
  let isGivenUp = isOnS3 && needs.stores.s3?.outage() !== undefined
  if (isGivenUp) return false
  const waitForS3 = createS3Wait(needs.stores, check)

  // The breaker needs several failures to decide that S3 is away and not one file is bad.
  const checkPatiently = async (version: StoredVersion): Promise<'next' | 'enough'> => {
    for (let tries = 1; ; tries += 1) {
      // Undefined if the signal ended it.
      const checked = await checkVersion(needs, actor, version, check).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      if (!isOnS3 || !isUnanswered(checked) || tries === maxTries) {
        if (checked !== undefined) onChecked(checked)
        return 'next'
      }
      isGivenUp = !(await waitForS3()) || isGivenUp
      if (isGivenUp) return 'enough'
    }
  }
  await forEachConcurrently(walkVersions(needs.db, scope, maxVersions), concurrency, async (version) => {
    if (isGivenUp || signal.aborted) return 'enough'
    onTaken?.(version)
    return checkPatiently(version)
  })
  return !isGivenUp && !signal.aborted
}

function isUnanswered(checked: Checked | void): boolean {
  return checked?.outcome === 'unchecked' && isS3Unavailable(checked.error)
}

export type HashFilling = {
  here: ReachableStore
  /** Starts after this version; undefined: at the first one. */
  after?: VersionCursor | undefined
  maxVersions?: number
  concurrency: number
  patienceMs: number
  signal: AbortSignal
}

type Filled = {
  counts: Record<Checked['outcome'], number>
  /** The `after` of the next run; undefined at the end. The versions before it were checked, unless the signal ended the run. */
  next: VersionCursor | undefined
}

/**
 * Adds the missing hash of the platform's documents in one store by reading them, and marks missing and corrupt ones. It
 * may be ended at any moment and run again.
 */
export async function fillHashes(needs: ReportNeeds, actor: EventActor, filling: HashFilling): Promise<Filled> {
  const { here, after, maxVersions = Infinity, concurrency, patienceMs, signal } = filling
  const counts = { right: 0, hashed: 0, restored: 0, missing: 0, wrong: 0, unchecked: 0, not_here: 0, gone: 0 }
  let taken = 0
  let last: VersionCursor | undefined
  const isThrough = await checkVersions(needs, actor, {
    scope: { store: here.store, storeId: here.storeId, isUnhashed: true, after },
    maxVersions,
    reads: true,
    concurrency,
    patienceMs,
    signal,
    onTaken(version) {
      taken += 1
      last = version
    },
    onChecked({ outcome }) {
      counts[outcome] += 1
    },
    onWaiting: () => undefined,
  })
  return { counts, next: isThrough && taken < maxVersions ? undefined : last }
}

/**
 * - `right`: the file is as its row says. `hashed`: the same, and its hash was added to the row. `restored`: the version was
 *   marked as damaged, and is right again.
 * - `missing`, `wrong`: the version is marked, and downloads of it return `gone`.
 * - `unchecked`: its store could not be asked.
 * - `not_here`: on another disk, or in a store that is not set up here.
 * - `gone`: removed meanwhile.
 */
export type Checked = { version: StoredVersion } & (
  | { outcome: 'right' | 'hashed' | 'restored' | 'not_here' | 'gone' }
  | { outcome: 'missing' | 'wrong'; why: string }
  | { outcome: 'unchecked'; why: string; error?: StoreError }
)

const maxLocations = 3

/** Compares a version's content with its row, and follows the version if it moves meanwhile. */
async function checkVersion(
  needs: ReportNeeds,
  actor: EventActor,
  version: StoredVersion,
  how: HowToCheck,
): Promise<Checked> {
  let current = version
  for (let location = 0; location < maxLocations; location += 1) {
    const checked = await checkAtLocation(needs, actor, current, how)
    if (checked !== undefined) return checked
    const moved = await findStoredVersion(needs.db, current)
    if (moved === undefined) return { version: current, outcome: 'gone' }
    current = moved
  }
  return { version: current, outcome: 'unchecked', why: 'it moved during each check' }
}

/** Undefined: the row names another location by now. */
async function checkAtLocation(
  needs: ReportNeeds,
  actor: EventActor,
  version: StoredVersion,
  how: HowToCheck,
): Promise<Checked | undefined> {
  const store = findStore(needs.stores, version)
  if (store === undefined) return { version, outcome: 'not_here' }
  const comparison = await compareTwice(store, version, how)
  switch (comparison.kind) {
    case 'right':
      return recordRight(needs, actor, version, comparison.sha256)
    case 'unchecked':
      return { version, outcome: 'unchecked', why: comparison.why, error: comparison.error }
    case 'missing':
    case 'wrong':
      // The platform's rows name no disk: a file that is not on this one may be on another.
      if (comparison.kind === 'missing' && version.store === 'local' && version.storeId === null)
        return { version, outcome: 'not_here' }
      return recordDamaged(needs, actor, version, comparison)
  }
}

/** Undefined: the row names another location by now. The statement that marks the version checks this. */
async function recordDamaged(
  needs: ReportNeeds,
  actor: EventActor,
  version: StoredVersion,
  { kind, why }: Extract<Comparison, { kind: 'missing' | 'wrong' }>,
): Promise<Checked | undefined> {
  try {
    return (await reportDamaged(needs, actor, version, kind)) ? { version, outcome: kind, why } : undefined
  } catch (error) {
    // The bucket is not ours, or its owner could not be read.
    if (error instanceof StoreError) return { version, outcome: 'unchecked', why: error.message, error }
    throw error
  }
}

async function recordRight(
  { db, log }: ReportNeeds,
  actor: EventActor,
  version: StoredVersion,
  sha256: Sha256 | undefined,
): Promise<Checked> {
  const { firmId, documentId, bytesState } = version
  if (bytesState === 'missing' || bytesState === 'wrong') {
    if (sha256 === undefined)
      return { version, outcome: bytesState, why: 'found so before; only a full read shows whether it is right again' }
    if (await markPresent(db, actor, version, sha256)) {
      const about = { firm_id: firmId, document_id: documentId, version: version.version }
      log.warn({ event: 'bytes_restored', ...about }, 'content of a document is right again')
      return { version, outcome: 'restored' }
    }
  }
  const isHashed = version.sha256 === null && sha256 !== undefined && (await storeHash(db, version, sha256))
  return { version, outcome: isHashed ? 'hashed' : 'right' }
}
