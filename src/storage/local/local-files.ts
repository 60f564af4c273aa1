import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, open, readdir, realpath, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

import { hasCode } from '../../errors/app-error.ts'
import { readIfExists, syncPath } from '../../files/file-system.ts'
import type { QuarantineKey, StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'
import { type ByteRange, type FileStat, type Quarantine, type Removed, StoreError } from '../file-store.ts'
import { handOn } from '../streams/forward-stream.ts'
import { localFailure, NotAFile } from './local-errors.ts'
import { createFileOnce, type DurableFolders } from './local-folders.ts'
import { isStorageKey, requireQuarantineKey, requireReadableKey } from '../storage-key.ts'

export const storeIdFileName = '.store-id'
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The id of the disk below this folder: made at the first opening, whichever of several processes comes first. */
export async function establishStoreId(root: string): Promise<StoreId> {
  const existing = await findStoreId(root)
  if (existing !== undefined) return existing
  await createFileOnce(root, storeIdFileName, `${randomUUID()}\n`)
  const made = await findStoreId(root)
  if (made === undefined) throw new StoreError('unavailable', 'The local store lost its id while it was opened.')
  return made
}

/** Undefined when the folder has none, as a disk that is not mounted. */
export async function findStoreId(root: string): Promise<StoreId | undefined> {
  const text = await readIfExists(join(root, storeIdFileName))
  if (text === undefined) return undefined
  const id = text.trim()
  if (!uuidForm.test(id))
    throw new StoreError('unavailable', `The file ${storeIdFileName} of the local store has no id.`)
  // The form was just checked, and nothing else writes this file.
  return id as StoreId
}

/** Below the root: a document's file, or one that was put aside. */
type LocalKey = StorageKey | QuarantineKey

/** One opened root folder: what every call on it needs. */
export type LocalReach = {
  root: string
  storeId: StoreId
  folders: DurableFolders
  onBytes: (direction: 'read' | 'written', bytes: number) => void
}

/** The path of a key. Throws when a folder on the way is a link; the file itself is opened without following links. */
export async function openLocalPath({ root }: LocalReach, key: LocalKey): Promise<string> {
  const path = join(root, key)
  const folder = dirname(path)
  if ((await realpath(folder)) !== folder) throw new NotAFile('The local store has a link in place of a folder.')
  return path
}

/** A disk that is not mounted has lost no file, and what is written in its place is lost when it comes back. */
export async function requireOwnDisk({ root, storeId }: LocalReach): Promise<void> {
  if ((await findStoreId(root)) !== storeId)
    throw new StoreError('unavailable', 'The folder of the local store is not the one that was opened.')
}

export async function readLocalFile(reach: LocalReach, key: LocalKey, range?: ByteRange): Promise<Readable> {
  const found = await unlessAbsent(reach, async () => {
    const path = await openLocalPath(reach, key)
    // A pipe would be waited for.
    return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  })
  if (found === undefined) throw new StoreError('bytes_missing', 'The local store has no such file.')

  try {
    const stat = await found.stat()
    if (!stat.isFile()) throw notAFile()
    if (range && range.start >= stat.size)
      throw new StoreError('range_not_satisfiable', 'The range begins past the end of the file.')
    const file = found.createReadStream(range)
    file.once('close', () => reach.onBytes('read', file.bytesRead))
    return handOn(file, localFailure)
  } catch (error) {
    await found.close()
    throw localFailure(error)
  }
}

export async function statLocalFile(reach: LocalReach, key: StorageKey): Promise<FileStat | undefined> {
  const stat = await unlessAbsent(reach, async () => lstat(await openLocalPath(reach, key)))
  if (stat === undefined) return undefined
  if (!stat.isFile()) throw notAFile()
  return { key, size: stat.size, modifiedAt: stat.mtime }
}

export async function removeLocalFile(reach: LocalReach, key: LocalKey): Promise<Removed> {
  await unlessAbsent(reach, async () => {
    const path = await openLocalPath(reach, key)
    // A disk that became read-only refuses to remove even what is not there.
    await lstat(path)
    await unlink(path)
  })
  return 'destroyed'
}

/** Undefined when there is no such file on our disk. */
async function unlessAbsent<Value>(reach: LocalReach, look: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw localFailure(error)
    await requireOwnDisk(reach).catch((failure: unknown) => {
      throw localFailure(failure)
    })
    return undefined
  }
}

function notAFile(): NotAFile {
  return new NotAFile('The local store has something else than a file under this key.')
}

const top = 'security_firms'

/** A firm's folder at a time. What is no file of ours (a link, another name) is passed over. */
export async function* listLocalFiles(reach: LocalReach, prefix: string): AsyncGenerator<FileStat> {
  try {
    await requireOwnDisk(reach)
    for (const firm of await readFolder(join(reach.root, top))) {
      const folder = `${top}/${firm}/`
      if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) continue
      for (const name of await readFolder(join(reach.root, top, firm))) {
        const file = await statIfFile(reach.root, folder + name)
        if (file?.key.startsWith(prefix)) yield file
      }
    }
  } catch (error) {
    throw localFailure(error)
  }
}

async function statIfFile(root: string, key: string): Promise<FileStat | undefined> {
  if (!isStorageKey(key)) return undefined
  try {
    const stat = await lstat(join(root, key))
    return stat.isFile() ? { key, size: stat.size, modifiedAt: stat.mtime } : undefined
  } catch (error) {
    // Removed since its folder was read.
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Names only of real folders: a link to one is not followed. */
async function readFolder(path: string): Promise<string[]> {
  try {
    return (await lstat(path)).isDirectory() ? await readdir(path) : []
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

export function localQuarantine(reach: LocalReach): Quarantine {
  return {
    take: async (from, to) => giveSecondName(reach, requireReadableKey(from), requireQuarantineKey(to)),
    read: async (key) => readLocalFile(reach, requireQuarantineKey(key)),
    remove: async (key) => removeLocalFile(reach, requireQuarantineKey(key)),
  }
}

/** No byte is copied: the same file gets a second name, which is durable when this resolves and stays when the first one goes. */
async function giveSecondName(reach: LocalReach, from: StorageKey, to: QuarantineKey): Promise<void> {
  try {
    await requireOwnDisk(reach)
    await reach.folders.ensure(to)
    const path = await openLocalPath(reach, to)
    await link(await openLocalPath(reach, from), path)
    await syncPath(dirname(path))
  } catch (error) {
    throw localFailure(error)
  }
}
