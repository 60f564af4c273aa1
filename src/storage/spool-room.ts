import { StoreError } from './file-store.ts'
import type { DiskRoom } from './read-disk-room.ts'

/** How much may come before the disk is looked at again, on which others write too. */
const bytesBetweenLooks = 8 * 1024 * 1024

export type SpoolRoom = {
  /** Counts bytes that are about to be written. Throws `unavailable`, as a full disk does, when too little would stay free beside them. */
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
    giveBack(bytes) {
      taken -= bytes
      // What became free may be others' by now.
      mostTaken = Math.min(mostTaken, taken + bytesBetweenLooks)
    },
    takenBytes: () => taken,
  }
}

function noRoom(): StoreError {
  const full = Object.assign(new Error('files on their way take as much of the disk as they leave free'), {
    code: 'ENOSPC',
  })
  return new StoreError('unavailable', 'There is no room in the spool just now.', full)
}
