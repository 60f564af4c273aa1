import type { Readable } from 'node:stream'

import type { EventActor } from '../../database/audit/events.ts'
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import { AppError } from '../../errors/app-error.ts'
import { type ByteRange, isMissing, StoreError } from '../../storage/file-store.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { contentGone } from './assert-servable.ts'
import { type ReportNeeds, reportDamaged } from '../stores/claim-store.ts'
import { toAppError, requireStore, storeUnavailable } from '../stores/stores.ts'
import { findFault, type FaultyState } from '../../database/documents/missing-and-corrupt.ts'

export type OpenBlobNeeds = ReportNeeds

/** A version's blob: its location and the size that it must have. */
export type BlobToRead = BlobLocation & { size: number }

export type OpenedBlob = { key: StorageKey; size: number; read(range?: ByteRange): Promise<Readable> }

/** Opens a version's blob after checking its presence and size; reports a damaged one. Throws `gone`, `store_unavailable`. */
export async function openBlob(needs: OpenBlobNeeds, actor: EventActor, bytes: BlobToRead): Promise<OpenedBlob> {
  const { key, size } = bytes
  const store = requireStore(needs.stores, bytes)

  return await answering(needs, actor, bytes, async () => {
    const stat = await store.stat(key)
    if (stat === undefined) throw await reportDamagedBlob(needs, actor, bytes, 'missing')
    if (stat.size !== size) throw await reportDamagedBlob(needs, actor, bytes, 'wrong')
    return { key, size, read: (range) => answering(needs, actor, bytes, () => store.read(key, range)) }
  })
}

async function answering<Result>(
  needs: OpenBlobNeeds,
  actor: EventActor,
  bytes: BlobToRead,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    // The blob went away after the check.
    throw isMissing(error) ? await reportDamagedBlob(needs, actor, bytes, 'missing') : toAppError(error)
  }
}

/** Reports a missing or corrupt blob. Returns the error for the client. */
export async function reportDamagedBlob(
  needs: OpenBlobNeeds,
  actor: EventActor,
  bytes: BlobToRead,
  state: FaultyState,
): Promise<AppError> {
  // The platform's rows name no disk: a file that is not on this one may be on another.
  if (state === 'missing' && bytes.store === 'local' && bytes.storeId === null)
    return storeUnavailable(new Error('A row of the platform names a file that is not on this disk.'))

  try {
    return (await reportDamaged(needs, actor, bytes, state)) ? contentGone() : movedAway()
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
export async function openLinkedBlob(needs: OpenBlobNeeds, actor: EventActor, bytes: BlobToRead): Promise<OpenedBlob> {
  switch (await findFault(needs.db, bytes)) {
    case 'infected':
      throw new AppError('gone', 'This file contains a virus and is no longer served.')
    case 'wrong':
      throw contentGone()
    case undefined:
      return openBlob(needs, actor, bytes)
  }
}
