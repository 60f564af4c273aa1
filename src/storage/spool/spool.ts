import { randomUUID } from 'node:crypto'
import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { createFolders } from '../../files/file-system.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { type SpooledContent, StoreError } from '../file-store.ts'
import { toLocalError } from '../local/local-errors.ts'
import { removeLeftovers } from '../local/local-folders.ts'

/** A folder for incoming files that are too large for memory, or that found no free memory. */
export type Spool = {
  open(): Promise<SpoolFile>
  bytes(): number
}

/** One incoming file. The receiver appends to it while a store reads `content`. */
export type SpoolFile = {
  content: SpooledContent
  /** Resolves when the bytes are written, which slows down a fast client. Throws `unavailable` when the disk has no space. */
  append(chunk: Uint8Array): Promise<void>
  /** Marks the file as complete and checked. */
  accept(whole: { size: number; sha256: Sha256 }): void
  /** Marks the file as rejected. Readers fail with this error. */
  reject(error: unknown): void
  /** Deletes the spool file. Must always be called. Rejects the file if it was neither accepted nor rejected. */
  remove(): Promise<void>
}

const prefix = 'spool-'

/** Opens the folder with mode 0700 and deletes files that a dead process left more than a day ago. */
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
    // Not `bytes_missing`, even when the folder does not exist: no stored blob is missing.
    throw new StoreError('unavailable', 'the spool file cannot be created', error)
  })
  const growth = trackGrowth()
  let bytes = 0

  return {
    content: { kind: 'spool', path, available: growth.reaches, accepted: growth.accepted },
    async append(chunk) {
      try {
        await room.reserve(chunk.byteLength)
        bytes += chunk.byteLength
        // Unlike `write`, it appends the whole chunk.
        await handle.writeFile(chunk)
      } catch (error) {
        throw toLocalError(error)
      }
      growth.add(chunk.byteLength)
    },
    accept: growth.accept,
    reject: growth.refuse,
    async remove() {
      growth.refuse(new Error('spool file removed before it was accepted'))
      try {
        await handle.close()
        await rm(path, { force: true })
      } catch {
        // The upload is already answered. The next start deletes the file.
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
  // Avoids an unhandled rejection when the file is rejected before a store reads it.
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
      // Throws when the file was rejected.
      if (isDecided) await accepted
      return size
    },
  }
}

/** Free disk space is checked again after so many bytes, because other processes write to the disk too. */
const bytesBetweenChecks = 8 * 1024 * 1024

type SpoolSpace = {
  /** Reserves space before a write. Throws `unavailable`, as a full disk does, when too little space would stay free. */
  reserve(bytes: number): Promise<void>
  release(bytes: number): void
  reservedBytes(): number
}

/** Spool files use at most half of the free disk. The rest stays free for the database and local documents. */
export function createSpoolSpace(readSpace: () => Promise<Pick<DiskSpace, 'freeBytes'>>): SpoolSpace {
  let taken = 0
  let maxReserved = 0

  async function checkSpace(bytes: number): Promise<void> {
    const { freeBytes } = await readSpace()
    maxReserved = taken + Math.min(Math.max(bytes, bytesBetweenChecks), (freeBytes - taken) / 2)
  }

  return {
    async reserve(bytes) {
      if (taken + bytes > maxReserved) await checkSpace(bytes)
      if (taken + bytes > maxReserved) throw noSpace()
      taken += bytes
    },
    release(bytes) {
      taken -= bytes
      // Other processes may have used the freed space.
      maxReserved = Math.min(maxReserved, taken + bytesBetweenChecks)
    },
    reservedBytes: () => taken,
  }
}

function noSpace(): StoreError {
  const full = Object.assign(new Error('spool files use half of the free disk space'), {
    code: 'ENOSPC',
  })
  return new StoreError('unavailable', 'the spool has no space', full)
}

/** `freeBytes`: space that this process may use, without the blocks reserved for root. */
type DiskSpace = { freeBytes: number; sizeBytes: number }

export async function readDiskSpace(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(folder)
  return { freeBytes: bsize * bavail, sizeBytes: bsize * blocks }
}
