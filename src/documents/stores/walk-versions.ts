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

/** The versions of a scope, in the order of its keys, all or the first so many; of any number of them one page is held. */
export async function* walkVersions(
  db: Db,
  scope: VersionScope,
  most = Infinity,
): AsyncGenerator<StoredVersion, undefined> {
  let after: VersionCursor | undefined
  let left = most
  do {
    const limit = Math.min(pageSize, left)
    const page = await listVersionsIn(db, scope, { after, limit })
    yield* page
    left -= page.length
    after = page.length < limit ? undefined : page.at(-1)
  } while (after !== undefined && left > 0)
  return undefined
}

/** Works on what a walk yields, so many at a time, until its end, until the work has seen enough, or until it throws. */
export async function forEachConcurrently<Item>(
  walk: AsyncGenerator<Item, undefined>,
  concurrency: number,
  work: (item: Item) => Promise<'next' | 'enough'>,
): Promise<void> {
  const ending = new AbortController()
  const takeTurns = async () => {
    try {
      for (let next = await walk.next(); next.done !== true && !ending.signal.aborted; next = await walk.next())
        if ((await work(next.value)) === 'enough') return
    } finally {
      ending.abort()
    }
  }
  // Whoever is told of a failure closes what the other turns work with: they come to the end of theirs first.
  const turns = await Promise.allSettled(Array.from({ length: concurrency }, takeTurns))
  try {
    for (const turn of turns) if (turn.status === 'rejected') throw turn.reason
  } finally {
    // A walk that is not at its end keeps open what it reads from.
    await walk.return(undefined)
  }
}

/** Waits before each file for so long that, over all that call it, no more bytes a second are on their way. */
export function createThrottle(bytesPerSecond: number, signal: AbortSignal): (bytes: number) => Promise<void> {
  let freeAt = 0
  return async (bytes) => {
    const now = performance.now()
    const startsAt = Math.max(now, freeAt)
    freeAt = startsAt + (bytes / bytesPerSecond) * 1000
    if (startsAt > now) await wait(startsAt - now, undefined, { signal })
  }
}

/** How many files are written and read back at once. Steps in the database need no turn, so that both stores stay busy. */
export type CopyLimits = { writing: LimitFunction; readingBack: LimitFunction; filesUnderway: number }

/** `atOnce`: files written, and files read back, at one time. */
export function createCopyLimits(atOnce: number): CopyLimits {
  return { writing: pLimit(atOnce), readingBack: pLimit(atOnce), filesUnderway: 3 * atOnce }
}
