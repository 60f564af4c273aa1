import { AppError } from '../errors.ts'
import type { DiskRoom } from './read-disk-room.ts'

/** How much may come before the disk is looked at again, on which others write too. */
const bytesBetweenLooks = 8 * 1024 * 1024

export type SpoolRoom = {
  /** Counts bytes that are about to be written. Throws `store_unavailable` when too little would stay free beside them. */
  take(bytes: number): Promise<void>
  giveBack(bytes: number): void
  takenBytes(): number
}

/**
 * Bounds what lies in the spool by its disk: half of the room that there would be without it, so that at no moment files
 * on their way take more than they leave to the database and to the papers that lie on the same disk.
 */
export function makeSpoolRoom(readRoom: () => Promise<Pick<DiskRoom, 'freeBytes'>>): SpoolRoom {
  let taken = 0
  let mostTaken = 0

  async function look(bytes: number): Promise<void> {
    const { freeBytes } = await readRoom()
    mostTaken = taken + Math.min(Math.max(bytes, bytesBetweenLooks), (freeBytes - taken) / 2)
  }

  return {
    async take(bytes) {
      if (taken + bytes > mostTaken) await look(bytes)
      if (taken + bytes > mostTaken) throw noRoom()
      taken += bytes
    },
    giveBack: (bytes) => void (taken -= bytes),
    takenBytes: () => taken,
  }
}

function noRoom(): AppError {
  return new AppError(
    'store_unavailable',
    'There is no room just now for files on their way. Nothing was kept of this one; try again in a minute.',
    { retryAfterSeconds: 30 },
  )
}
