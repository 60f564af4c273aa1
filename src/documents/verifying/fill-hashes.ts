import type { EventActor } from '../../database/events.ts'
import type { VersionCursor } from '../../database/versions-in-store.ts'
import type { StoreHere } from '../stores-here.ts'
import type { Checked, CheckNeeds } from './check-version.ts'
import { checkVersions } from './check-versions.ts'

export type Filling = {
  here: StoreHere
  /** From behind this one on, and of at most so many. */
  after?: VersionCursor | undefined
  most?: number
  concurrency: number
  patienceMs: number
  signal: AbortSignal
}

export type Filled = {
  counts: Record<Checked['outcome'], number>
  /** Behind this one to go on: all before it were looked at, unless the signal ended it. Undefined at the end of all. */
  next: VersionCursor | undefined
}

/**
 * Gives the platform's documents of one store the hash that they came without, by reading them. One that is missing or
 * has another length is marked, as `verify` would; what lies on another disk waits for whoever holds that. It may be
 * ended at any moment and run again: what has its hash is not read again.
 */
export async function fillHashes(needs: CheckNeeds, actor: EventActor, filling: Filling): Promise<Filled> {
  const { here, after, most = Infinity, concurrency, patienceMs, signal } = filling
  const counts = { right: 0, hashed: 0, restored: 0, missing: 0, wrong: 0, unchecked: 0, not_here: 0, gone: 0 }
  let taken = 0
  let last: VersionCursor | undefined
  const isThrough = await checkVersions(needs, actor, {
    scope: { store: here.store, storeId: here.storeId, isUnhashed: true, after },
    most,
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
