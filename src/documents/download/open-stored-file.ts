import type { Readable } from 'node:stream'

import type { EventActor } from '../../database/audit/events.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import { AppError } from '../../errors/app-error.ts'
import { type ByteRange, isMissing, StoreError } from '../../storage/file-store.ts'
import type { Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import { contentGone } from './assert-servable.ts'
import { checkWhileSending } from './check-while-sending.ts'
import { type ReportNeeds, reportDamaged } from '../stores/report-damaged.ts'
import { toAppError, requireStore, storeUnavailable } from '../stores/reachable-stores.ts'
import type { FaultyState } from '../../database/documents/missing-and-corrupt.ts'

export type OpenBlobNeeds = ReportNeeds

/** A version's blob: its location, and the size and hash that it must have. The platform's files may have no hash yet. */
export type BlobToRead = BlobLocation & { size: number; sha256: Sha256 | null }

export type OpenedBlob = {
  key: StorageKey
  size: number
  /** A whole file, also as a range, is hashed while it is read; if its hash differs, it is reported and the stream fails with `WrongBytes`. */
  read(range?: ByteRange): Promise<Readable>
}

/** Opens a version's blob after checking its presence and size; reports a damaged one. Throws `gone`, `store_unavailable`. */
export async function openBlob(needs: OpenBlobNeeds, actor: EventActor, bytes: BlobToRead): Promise<OpenedBlob> {
  const { key, size, sha256 } = bytes
  const store = requireStore(needs.stores, bytes)

  return await answering(needs, actor, bytes, async () => {
    const stat = await store.stat(key)
    if (stat === undefined) throw await reportDamagedBlob(needs, actor, bytes, 'missing')
    if (stat.size !== size) throw await reportDamagedBlob(needs, actor, bytes, 'wrong')
    return {
      key,
      size,
      async read(range) {
        const content = await answering(needs, actor, bytes, () => store.read(key, range))
        if (!isWhole(range, size) || sha256 === null) return content
        return checkWhileSending(content, sha256, () => reportWrongBytes(needs, actor, bytes))
      },
    }
  })
}

/** A range of all bytes is a whole file too. */
function isWhole(range: ByteRange | undefined, size: number): boolean {
  return range === undefined || (range.start === 0 && (range.end ?? size) >= size - 1)
}

/** The connection is cut in any case: a report that fails is logged, and the next whole download reports again. */
async function reportWrongBytes(needs: OpenBlobNeeds, actor: EventActor, bytes: BlobToRead): Promise<void> {
  try {
    await reportDamaged(needs, actor, bytes, 'wrong')
  } catch (error) {
    const { store, storeId, key } = bytes
    const about = { event: 'bytes_wrong_unreported', err: error, store, store_id: storeId, key }
    needs.log.error(about, 'content of a document differs from what was stored, and could not be marked')
  }
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
