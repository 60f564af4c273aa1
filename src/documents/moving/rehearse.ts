import { finished } from 'node:stream/promises'

import { type StoredVersion } from '../../database/versions-in-store.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import { storeHolding } from '../stores.ts'
import { inTurns, walkVersions } from '../walk-versions.ts'
import { type Migration, scopeOf } from './migrate.ts'
import type { MoveNeeds } from './move-version.ts'

/** What a move would meet at the source. `wrong`: it has another length than its row says. */
export type Rehearsed = 'ready' | 'missing' | 'not_here' | 'wrong' | 'unreadable'

export type Rehearsal = Pick<Migration, 'to' | 'firmId' | 'concurrency' | 'signal'> & {
  onLooked: (looked: { version: StoredVersion; outcome: Rehearsed; error?: unknown }) => void
}

/** A migration that changes nothing: looks at every source, opens it, and says what a move of it would meet. */
export async function rehearse(needs: MoveNeeds, rehearsal: Rehearsal): Promise<boolean> {
  const { concurrency, signal, onLooked } = rehearsal
  await inTurns(walkVersions(needs.db, scopeOf(rehearsal, needs.stores)), concurrency, async (version) => {
    if (signal.aborted) return 'enough'
    onLooked({ version, ...(await lookAt(storeHolding(needs.stores, version), version)) })
    return 'next'
  })
  return !signal.aborted
}

async function lookAt(
  store: FileStore,
  { key, fileSize, storeId, store: name }: StoredVersion,
): Promise<{ outcome: Rehearsed; error?: unknown }> {
  try {
    const stat = await store.stat(key)
    if (stat === undefined) return { outcome: name === 'local' && storeId === null ? 'not_here' : 'missing' }
    if (stat.size !== fileSize) return { outcome: 'wrong' }
    if (fileSize > 0) await readOneByte(store, key)
    return { outcome: 'ready' }
  } catch (error) {
    // A disk or a bucket that is away is not the fault of this file.
    if (error instanceof StoreError && error.code === 'unavailable' && name === 's3') throw error
    return { outcome: 'unreadable', error }
  }
}

async function readOneByte(store: FileStore, key: StoredVersion['key']): Promise<void> {
  await finished((await store.read(key, { start: 0, end: 0 })).resume())
}
