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
import { inLocalStore, NotAFileError, toLocalError } from './local-errors.ts'
import { createFileOnce, type DurableFolders } from './local-folders.ts'
import { isStorageKey, requireQuarantineKey, requireReadableKey } from '../storage-key.ts'

export const storeIdFileName = '.store-id'
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The id of this store. The first process that opens the store creates it. */
export async function requireStoreId(root: string): Promise<StoreId> {
  const existing = await findStoreId(root)
  if (existing !== undefined) return existing
  await createFileOnce(root, storeIdFileName, `${randomUUID()}\n`)
  const created = await findStoreId(root)
  if (created === undefined)
    throw new StoreError('unavailable', 'The id of the local store disappeared while it was opened.')
  return created
}

/** Undefined when the folder has no id, for example when its disk is not mounted. */
export async function findStoreId(root: string): Promise<StoreId | undefined> {
  const text = await readIfExists(join(root, storeIdFileName))
  if (text === undefined) return undefined
  const id = text.trim()
  if (!uuidPattern.test(id))
    throw new StoreError('unavailable', `The file ${storeIdFileName} of the local store is not valid.`)
  // The pattern was just checked.
  return id as StoreId
}

/** The key of a blob, or of a blob in quarantine. */
type LocalKey = StorageKey | QuarantineKey

/** An open root folder. */
export type LocalRoot = {
  root: string
  storeId: StoreId
  folders: DurableFolders
  onBytes: (direction: 'read' | 'written', bytes: number) => void
}

/** The path of a key. Throws when a parent folder is a link. The file itself is opened without following links. */
export async function resolveLocalPath({ root }: LocalRoot, key: LocalKey): Promise<string> {
  const path = join(root, key)
  const folder = dirname(path)
  if ((await realpath(folder)) !== folder) throw new NotAFileError('A folder of the local store is a link.')
  return path
}

/** Throws when another disk is mounted, or none. Then no blob is missing, and a write would be lost once the disk is mounted again. */
export async function requireOwnDisk({ root, storeId }: LocalRoot): Promise<void> {
  if ((await findStoreId(root)) !== storeId)
    throw new StoreError('unavailable', 'The folder of the local store changed after it was opened.')
}

export async function readLocalFile(context: LocalRoot, key: LocalKey, range?: ByteRange): Promise<Readable> {
  const found = await unlessAbsent(context, async () => {
    const path = await resolveLocalPath(context, key)
    // O_NONBLOCK: opening a pipe would wait for its writer.
    return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  })
  if (found === undefined) throw new StoreError('bytes_missing', 'no such blob in the local store')

  try {
    const stat = await found.stat()
    if (!stat.isFile()) throw notAFile()
    if (range && range.start >= stat.size)
      throw new StoreError('range_not_satisfiable', 'the range begins past the end of the blob')
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
    // On a read-only disk `unlink` fails even for an absent file.
    await lstat(path)
    await unlink(path)
  })
  return 'destroyed'
}

/** Undefined when the file does not exist and the right disk is mounted. */
async function unlessAbsent<Value>(context: LocalRoot, look: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw toLocalError(error)
    await inLocalStore(() => requireOwnDisk(context))
    return undefined
  }
}

function notAFile(): NotAFileError {
  return new NotAFileError('The path of a key in the local store is not a file.')
}

const documentsFolder = 'security_firms'

/** Lists one firm's folder at a time. Skips links and names that are not our keys. */
export async function* listLocalFiles(context: LocalRoot, prefix: string): AsyncGenerator<FileStat> {
  try {
    await requireOwnDisk(context)
    for (const firm of await readFolder(join(context.root, documentsFolder))) {
      const folder = `${documentsFolder}/${firm}/`
      if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) continue
      for (const name of await readFolder(join(context.root, documentsFolder, firm))) {
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
    // Deleted after its folder was read.
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The names in a folder. Does not follow a link to a folder. */
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
    copy: async (from, to) =>
      inLocalStore(() => linkIntoQuarantine(context, requireReadableKey(from), requireQuarantineKey(to))),
    read: async (key) => readLocalFile(context, requireQuarantineKey(key)),
    remove: async (key) => removeLocalFile(context, requireQuarantineKey(key)),
  }
}

/** Creates a hard link instead of a copy. It is durable when this resolves. */
async function linkIntoQuarantine(context: LocalRoot, from: StorageKey, to: QuarantineKey): Promise<void> {
  await requireOwnDisk(context)
  await context.folders.ensure(to)
  const path = await resolveLocalPath(context, to)
  await link(await resolveLocalPath(context, from), path)
  await syncPath(dirname(path))
}
