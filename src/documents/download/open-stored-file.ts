import type { Readable } from 'node:stream'

import type { EventActor } from '../../database/audit/events.ts'
import type { Place } from '../../database/documents/blob-location.ts'
import { AppError } from '../../errors/app-error.ts'
import { type ByteRange, isMissing, StoreError } from '../../storage/file-store.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { bytesGone } from './assert-servable.ts'
import { type ReportNeeds, reportWrongBytes } from '../stores/claim-store.ts'
import { answerToStoreFailure, storeHolding, storeUnavailable } from '../stores/stores.ts'
import { findFault, type WrongState } from '../../database/documents/missing-and-corrupt.ts'

export type OpenBytesNeeds = ReportNeeds

/** Where a version's bytes lie, and how many they must be. */
export type StoredBytes = Place & { size: number }

export type OpenedBytes = { key: StorageKey; size: number; read(range?: ByteRange): Promise<Readable> }

/** A version's bytes, once the store has them all. Reports missing or corrupt ones. Throws `gone`, `store_unavailable`. */
export async function openBytes(needs: OpenBytesNeeds, actor: EventActor, bytes: StoredBytes): Promise<OpenedBytes> {
  const { key, size } = bytes
  const store = storeHolding(needs.stores, bytes)

  return await answering(needs, actor, bytes, async () => {
    const stat = await store.stat(key)
    if (stat === undefined) throw await answerToWrongBytes(needs, actor, bytes, 'missing')
    if (stat.size !== size) throw await answerToWrongBytes(needs, actor, bytes, 'wrong')
    return { key, size, read: (range) => answering(needs, actor, bytes, () => store.read(key, range)) }
  })
}

async function answering<Result>(
  needs: OpenBytesNeeds,
  actor: EventActor,
  bytes: StoredBytes,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    // Gone since the look at them.
    throw isMissing(error) ? await answerToWrongBytes(needs, actor, bytes, 'missing') : answerToStoreFailure(error)
  }
}

/** Reports bytes that are missing or wrong; what a person then hears. */
export async function answerToWrongBytes(
  needs: OpenBytesNeeds,
  actor: EventActor,
  bytes: StoredBytes,
  state: WrongState,
): Promise<AppError> {
  // The platform's rows name no disk: what is not on this one may be on another.
  if (state === 'missing' && bytes.store === 'local' && bytes.storeId === null)
    return storeUnavailable(new Error('A row of the platform names a file that is not on this disk.'))

  try {
    return (await reportWrongBytes(needs, actor, bytes, state)) ? bytesGone() : movedAway()
  } catch (error) {
    if (error instanceof StoreError) return storeUnavailable(error)
    throw error
  }
}

function movedAway(): AppError {
  return new AppError('gone', 'This file was moved or removed. Open the document again to get a new link.')
}

/**
 * As `openBytes`, for a link: `gone` when the bytes were found missing, corrupt or infected since. Bytes that no version
 * names any more are read while they exist: the document was moved, and the link outlives that.
 */
export async function openLinkedBytes(
  needs: OpenBytesNeeds,
  actor: EventActor,
  bytes: StoredBytes,
): Promise<OpenedBytes> {
  switch (await findFault(needs.db, bytes)) {
    case 'infected':
      throw new AppError('gone', 'A virus was found in this file, and nobody gets it any more.')
    case 'wrong':
      throw bytesGone()
    case undefined:
      return openBytes(needs, actor, bytes)
  }
}
