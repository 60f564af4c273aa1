import type { EventActor } from '../database/events.ts'
import { wereFoundWrong } from '../database/found-wrong.ts'
import { bytesGone } from './assert-servable.ts'
import { openBytes, type OpenBytesNeeds, type OpenedBytes, type StoredBytes } from './open-bytes.ts'

/**
 * As `openBytes`, for a link that was given out some time ago: `gone` when the bytes were found missing or wrong since
 * then. A place that no version names any more is read for as long as a file lies there: the paper was moved, and the
 * link outlives that.
 */
export async function openLinkedBytes(
  needs: OpenBytesNeeds,
  actor: EventActor,
  bytes: StoredBytes,
): Promise<OpenedBytes> {
  if (await wereFoundWrong(needs.db, bytes)) throw bytesGone()
  return openBytes(needs, actor, bytes)
}
