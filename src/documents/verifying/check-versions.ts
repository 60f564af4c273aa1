import type { EventActor } from '../../database/audit/events.ts'
import type { StoredVersion, VersionCursor, VersionScope } from '../../database/documents/versions-in-store.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import type { ReachableStore } from '../stores/stores.ts'
import { createS3Wait, type Patience } from '../stores/wait-for-s3.ts'
import { forEachConcurrently, walkVersions } from '../stores/walk-versions.ts'
import { type Checked, type CheckNeeds, checkVersion, type HowToCheck } from './check-version.ts'

type VersionCheck = HowToCheck &
  Patience & {
    scope: VersionScope
    /** Of the scope's first so many. */
    maxVersions?: number
    concurrency: number
    /** Told of each, in the order of the scope, before it is checked. */
    onTaken?: (version: StoredVersion) => void
    onChecked: (checked: Checked) => void
  }

/** Checks the versions of a scope, holding a page of rows and a piece of each file. False when it ended before: S3 stayed away, or the signal said so. */
export async function checkVersions(needs: CheckNeeds, actor: EventActor, check: VersionCheck): Promise<boolean> {
  const { scope, maxVersions: most, concurrency, signal, onTaken, onChecked } = check
  const isOfS3 = scope.store === 's3'
  let isGivenUp = isOfS3 && needs.stores.s3?.outage() !== undefined
  if (isGivenUp) return false
  const s3IsBack = createS3Wait(needs.stores, check)

  // Each failure tells the breaker; it may take several until it knows that S3 is away, and not this file.
  const checkPatiently = async (version: StoredVersion): Promise<'next' | 'enough'> => {
    for (let tries = 1; ; tries += 1) {
      // Undefined when the signal ended it.
      const checked = await checkVersion(needs, actor, version, check).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      if (!isOfS3 || !isUnanswered(checked) || tries === maxTries) {
        if (checked !== undefined) onChecked(checked)
        return 'next'
      }
      isGivenUp = !(await s3IsBack()) || isGivenUp
      if (isGivenUp) return 'enough'
    }
  }
  await forEachConcurrently(walkVersions(needs.db, scope, most), concurrency, async (version) => {
    if (isGivenUp || signal.aborted) return 'enough'
    onTaken?.(version)
    return checkPatiently(version)
  })
  return !isGivenUp && !signal.aborted
}

const maxTries = 4

function isUnanswered(checked: Checked | void): boolean {
  return checked?.outcome === 'unchecked' && isS3Unavailable(checked.error)
}

export type HashFilling = {
  here: ReachableStore
  /** From behind this one on, and of at most so many. */
  after?: VersionCursor | undefined
  maxVersions?: number
  concurrency: number
  patienceMs: number
  signal: AbortSignal
}

type Filled = {
  counts: Record<Checked['outcome'], number>
  /** Behind this one to go on: all before it were looked at, unless the signal ended it. Undefined at the end of all. */
  next: VersionCursor | undefined
}

/**
 * Adds the missing hash of the platform's documents in one store by reading them; marks missing and corrupt ones. It may be
 * ended at any moment and run again.
 */
export async function fillHashes(needs: CheckNeeds, actor: EventActor, filling: HashFilling): Promise<Filled> {
  const { here, after, maxVersions: most = Infinity, concurrency, patienceMs, signal } = filling
  const counts = { right: 0, hashed: 0, restored: 0, missing: 0, wrong: 0, unchecked: 0, not_here: 0, gone: 0 }
  let taken = 0
  let last: VersionCursor | undefined
  const isThrough = await checkVersions(needs, actor, {
    scope: { store: here.store, storeId: here.storeId, isUnhashed: true, after },
    maxVersions: most,
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
  return { counts, next: isThrough && taken < most ? undefined : last }
}
