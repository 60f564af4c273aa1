import { setTimeout as wait } from 'node:timers/promises'

import pLimit, { type LimitFunction } from 'p-limit'

import type { Db } from '../../database/connection/client.ts'
import {
  listVersionsIn,
  type StoredVersion,
  type VersionCursor,
  type VersionScope,
} from '../../database/documents/versions-in-store.ts'

const pageSize = 500

/** The versions of a scope in the order of their keys. One page is in memory. */
export async function* walkVersions(
  db: Db,
  scope: VersionScope,
  maxVersions = Infinity,
): AsyncGenerator<StoredVersion, undefined> {
  let after: VersionCursor | undefined
  let left = maxVersions
  do {
    const limit = Math.min(pageSize, left)
    const page = await listVersionsIn(db, scope, { after, limit })
    yield* page
    left -= page.length
    after = page.length < limit ? undefined : page.at(-1)
  } while (after !== undefined && left > 0)
  return undefined
}

/** Runs the work on each item, `concurrency` at a time, until the walk ends, or the work returns `enough` or throws. */
export async function forEachConcurrently<Item>(
  walk: AsyncGenerator<Item, undefined>,
  concurrency: number,
  work: (item: Item) => Promise<'next' | 'enough'>,
): Promise<void> {
  const ending = new AbortController()
  const runWorker = async () => {
    try {
      for (let next = await walk.next(); next.done !== true && !ending.signal.aborted; next = await walk.next())
        if ((await work(next.value)) === 'enough') return
    } finally {
      ending.abort()
    }
  }
  // The caller closes what the workers use after a failure, so all workers end before it is thrown.
  const results = await Promise.allSettled(Array.from({ length: concurrency }, runWorker))
  try {
    for (const result of results) if (result.status === 'rejected') throw result.reason
  } finally {
    // Closes what an unfinished walk reads from.
    await walk.return(undefined)
  }
}

/** Delays each file so that all callers together stay below this rate. */
export function createThrottle(bytesPerSecond: number, signal: AbortSignal): (bytes: number) => Promise<void> {
  let freeAt = 0
  return async (bytes) => {
    const now = performance.now()
    const startsAt = Math.max(now, freeAt)
    freeAt = startsAt + (bytes / bytesPerSecond) * 1000
    if (startsAt > now) await wait(startsAt - now, undefined, { signal })
  }
}

/** Limits for files written and read back at once. Database steps have no limit, so that both stores stay busy. */
export type CopyLimits = { writing: LimitFunction; readingBack: LimitFunction; filesUnderway: number }

export function createCopyLimits(atOnce: number): CopyLimits {
  return { writing: pLimit(atOnce), readingBack: pLimit(atOnce), filesUnderway: 3 * atOnce }
}
