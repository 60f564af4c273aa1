import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, open, readdir, realpath, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

import { hasCode } from '../../errors/app-error.ts'
import { readIfExists, syncPath } from '../../files/file-system.ts'
import type { QuarantineKey, StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'
import { type ByteRange, type FileStat, type Quarantine, type Removed, StoreError } from '../file-store.ts'
import { forwardStream } from '../streams/forward-stream.ts'
import { toLocalError, NotAFileError } from './local-errors.ts'
import { createFileOnce, type DurableFolders } from './local-folders.ts'
import { isStorageKey, requireQuarantineKey, requireReadableKey } from '../storage-key.ts'

export const storeIdFileName = '.store-id'
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The id of the disk below this folder: made at the first opening, whichever of several processes comes first. */
export async function requireStoreId(root: string): Promise<StoreId> {
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
export type LocalRoot = {
  root: string
  storeId: StoreId
  folders: DurableFolders
  onBytes: (direction: 'read' | 'written', bytes: number) => void
}

/** The path of a key. Throws when a folder on the way is a link; the file itself is opened without following links. */
export async function resolveLocalPath({ root }: LocalRoot, key: LocalKey): Promise<string> {
  const path = join(root, key)
  const folder = dirname(path)
  if ((await realpath(folder)) !== folder) throw new NotAFileError('The local store has a link in place of a folder.')
  return path
}

/** A disk that is not mounted has lost no file, and what is written in its place is lost when it comes back. */
export async function requireOwnDisk({ root, storeId }: LocalRoot): Promise<void> {
  if ((await findStoreId(root)) !== storeId)
    throw new StoreError('unavailable', 'The folder of the local store is not the one that was opened.')
}

export async function readLocalFile(context: LocalRoot, key: LocalKey, range?: ByteRange): Promise<Readable> {
  const found = await unlessAbsent(context, async () => {
    const path = await resolveLocalPath(context, key)
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
    file.once('close', () => context.onBytes('read', file.bytesRead))
    return forwardStream(file, toLocalError)
  } catch (error) {
    await found.close()
    throw toLocalError(error)
  }
}

export async function statLocalFile(context: LocalRoot, key: StorageKey): Promise<FileStat | undefined> {
  const stat = await unlessAbsent(context, async () => lstat(await resolveLocalPath(context, key)))
  if (stat === undefined) return undefined
  if (!stat.isFile()) throw notAFile()
  return { key, size: stat.size, modifiedAt: stat.mtime }
}

export async function removeLocalFile(context: LocalRoot, key: LocalKey): Promise<Removed> {
  await unlessAbsent(context, async () => {
    const path = await resolveLocalPath(context, key)
    // A disk that became read-only refuses to remove even what is not there.
    await lstat(path)
    await unlink(path)
  })
  return 'destroyed'
}

/** Undefined when there is no such file on our disk. */
async function unlessAbsent<Value>(context: LocalRoot, look: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw toLocalError(error)
    await requireOwnDisk(context).catch((failure: unknown) => {
      throw toLocalError(failure)
    })
    return undefined
  }
}

function notAFile(): NotAFileError {
  return new NotAFileError('The local store has something else than a file under this key.')
}

const top = 'security_firms'

/** A firm's folder at a time. What is no file of ours (a link, another name) is passed over. */
export async function* listLocalFiles(context: LocalRoot, prefix: string): AsyncGenerator<FileStat> {
  try {
    await requireOwnDisk(context)
    for (const firm of await readFolder(join(context.root, top))) {
      const folder = `${top}/${firm}/`
      if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) continue
      for (const name of await readFolder(join(context.root, top, firm))) {
        const file = await statIfFile(context.root, folder + name)
        if (file?.key.startsWith(prefix)) yield file
      }
    }
  } catch (error) {
    throw toLocalError(error)
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

export function localQuarantine(context: LocalRoot): Quarantine {
  return {
    copy: async (from, to) => giveSecondName(context, requireReadableKey(from), requireQuarantineKey(to)),
    read: async (key) => readLocalFile(context, requireQuarantineKey(key)),
    remove: async (key) => removeLocalFile(context, requireQuarantineKey(key)),
  }
}

/** No byte is copied: the same file gets a second name, which is durable when this resolves and stays when the first one goes. */
async function giveSecondName(context: LocalRoot, from: StorageKey, to: QuarantineKey): Promise<void> {
  try {
    await requireOwnDisk(context)
    await context.folders.ensure(to)
    const path = await resolveLocalPath(context, to)
    await link(await resolveLocalPath(context, from), path)
    await syncPath(dirname(path))
  } catch (error) {
    throw toLocalError(error)
  }
}
