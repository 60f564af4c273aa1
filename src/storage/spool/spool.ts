import { randomUUID } from 'node:crypto'
import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { createFolders } from '../../files/file-system.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { type SpooledContent, StoreError } from '../file-store.ts'
import { toLocalError } from '../local/local-errors.ts'
import { removeLeftovers } from '../local/local-folders.ts'

/** A folder for files on their way: too large to be held in memory, or not yet whole when there was none for them. */
export type Spool = {
  open(): Promise<SpoolFile>
  bytes(): number
}

/** One file on its way: whoever receives it appends, a store reads `content` at the same time. */
export type SpoolFile = {
  content: SpooledContent
  /** Resolves when the bytes are written, which holds a fast client back. Throws `unavailable` when the disk has no room. */
  append(chunk: Uint8Array): Promise<void>
  /** The file is whole, and every check of it passed. */
  accept(whole: { size: number; sha256: Sha256 }): void
  /** The file will not be stored; readers stop with this error. */
  reject(error: unknown): void
  /** Ends the spool file; to be called in every case. Refuses it too, if nothing was decided. */
  remove(): Promise<void>
}

const prefix = 'spool-'

/** Opens the folder, its owner's alone, and clears away what a process that died left in it more than a day ago. */
export async function openSpool(folder: string): Promise<Spool> {
  await createFolders(folder, 0o700)
  await removeLeftovers(folder, prefix)
  const room = createSpoolSpace(() => readDiskSpace(folder))
  return {
    open: () => openSpoolFile(join(folder, `${prefix}${randomUUID()}`), room),
    bytes: () => room.reservedBytes(),
  }
}

async function openSpoolFile(path: string, room: SpoolSpace): Promise<SpoolFile> {
  const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
    // Also where the folder is gone: nothing is missing that was kept.
    throw new StoreError('unavailable', 'A file on its way cannot be written to the spool.', error)
  })
  const growth = trackGrowth()
  let bytes = 0

  return {
    content: { kind: 'spool', path, available: growth.reaches, accepted: growth.accepted },
    async append(chunk) {
      try {
        await room.reserve(chunk.byteLength)
        bytes += chunk.byteLength
        // Writes on at the end, and all of it: a single write may take less.
        await handle.writeFile(chunk)
      } catch (error) {
        throw toLocalError(error)
      }
      growth.add(chunk.byteLength)
    },
    accept: growth.accept,
    reject: growth.refuse,
    async remove() {
      growth.refuse(new Error('The spool file was removed before it was accepted.'))
      try {
        await handle.close()
        await rm(path, { force: true })
      } catch {
        // The file of an upload that was answered: it is removed with other leftovers at the next start.
      } finally {
        room.release(bytes)
        bytes = 0
      }
    },
  }
}

type Waiter = { bytes: number; wake: () => void }
type Whole = { size: number; sha256: Sha256 }

function trackGrowth() {
  const { promise: accepted, resolve, reject } = Promise.withResolvers<Whole>()
  // A refusal before any store looks at it is no unhandled rejection.
  accepted.catch(() => undefined)
  let size = 0
  let isDecided = false
  let waiters: Waiter[] = []

  function wake(isEnd: boolean): void {
    const ready = waiters.filter(({ bytes }) => isEnd || bytes <= size)
    waiters = waiters.filter((waiter) => !ready.includes(waiter))
    for (const waiter of ready) waiter.wake()
  }

  function decide(settle: () => void): void {
    if (isDecided) return
    isDecided = true
    settle()
    wake(true)
  }

  return {
    accepted,
    add(bytes: number) {
      size += bytes
      wake(false)
    },
    accept: (whole: Whole) => decide(() => resolve(whole)),
    refuse: (error: unknown) => decide(() => reject(error)),
    reaches: async (bytes: number): Promise<number> => {
      if (size < bytes && !isDecided) {
        const { promise, resolve: wakeUp } = Promise.withResolvers<void>()
        waiters.push({ bytes, wake: wakeUp })
        await promise
      }
      // Rejects with the refusal; otherwise the file is whole or long enough.
      if (isDecided) await accepted
      return size
    },
  }
}

/** How much may come before the disk is looked at again, on which others write too. */
const bytesBetweenLooks = 8 * 1024 * 1024

type SpoolSpace = {
  /** Counts bytes that are about to be written. Throws `unavailable`, as a full disk does, when too little would stay free beside them. */
  reserve(bytes: number): Promise<void>
  release(bytes: number): void
  reservedBytes(): number
}

/** Files on their way take at most half of the free disk, so that the database and local documents keep as much. */
export function createSpoolSpace(readRoom: () => Promise<Pick<DiskSpace, 'freeBytes'>>): SpoolSpace {
  let taken = 0
  let mostTaken = 0

  async function look(bytes: number): Promise<void> {
    const { freeBytes } = await readRoom()
    mostTaken = taken + Math.min(Math.max(bytes, bytesBetweenLooks), (freeBytes - taken) / 2)
  }

  return {
    async reserve(bytes) {
      if (taken + bytes > mostTaken) await look(bytes)
      if (taken + bytes > mostTaken) throw noRoom()
      taken += bytes
    },
    release(bytes) {
      taken -= bytes
      // What became free may be others' by now.
      mostTaken = Math.min(mostTaken, taken + bytesBetweenLooks)
    },
    reservedBytes: () => taken,
  }
}

function noRoom(): StoreError {
  const full = Object.assign(new Error('files on their way take as much of the disk as they leave free'), {
    code: 'ENOSPC',
  })
  return new StoreError('unavailable', 'There is no room in the spool just now.', full)
}

/** `freeBytes`: what this process may still use; a part may be kept back for the machine's own. */
type DiskSpace = { freeBytes: number; sizeBytes: number }

export async function readDiskSpace(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(folder)
  return { freeBytes: bsize * bavail, sizeBytes: bsize * blocks }
}
