import type { EventActor } from '../database/events.ts'
import { findFault } from '../database/find-fault.ts'
import { AppError } from '../errors.ts'
import { bytesGone } from './assert-servable.ts'
import { openBytes, type OpenBytesNeeds, type OpenedBytes, type StoredBytes } from './open-bytes.ts'

/**
 * As `openBytes`, for a link that was given out some time ago: `gone` when the bytes were found missing or wrong since
 * then, or a virus in them, from the verdict on. A place that no version names any more is read for as long as a file
 * lies there: the paper was moved, and the link outlives that.
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
