import { once } from 'node:events'
import { constants, createReadStream } from 'node:fs'
import { copyFile, type FileHandle, link, lstat, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { hasCode } from '../../errors/app-error.ts'
import { findIfExists, syncPath } from '../../files/file-system.ts'
import { forwardStream } from '../streams/forward-stream.ts'
import { toLocalError } from '../local/local-errors.ts'
import { incomingPath, incomingPrefix, createDurableFolders, removeLeftovers } from '../local/local-folders.ts'
import { type BackupStore, nameFailures, type BackupContent, notifyOnPiece } from './backup-store.ts'

const copyBytes = 1024 * 1024

/** Backups in a folder: files of their owner's alone, synced before they have their names. */
export function openBackupFolder(root: string): BackupStore {
  return nameFailures({
    address: root,
    write: async (name, content) => writeFile(root, name, content),
    read: async (name) => openFile(join(root, name)),
    async sizeOf(name) {
      const found = await findIfExists(lstat(join(root, name)))
      return found?.isFile() === true ? found.size : undefined
    },
    list: async (folder) => listFolder(join(root, folder)),
    remove: async (name) => removePath(join(root, name)),
    moveAside: async (name, aside, mayGo) => moveFileAside(root, join(root, name), { aside: join(root, aside), mayGo }),
    close: () => undefined,
  })
}

/** What dead ones left half-written there goes. */
export async function cleanBackupFolder(root: string): Promise<void> {
  try {
    await createDurableFolders(root)
    await removeLeftovers(root, incomingPrefix)
  } catch (error) {
    throw toLocalError(error)
  }
}

async function writeFile(root: string, name: string, content: BackupContent): Promise<void> {
  const incoming = incomingPath(root)
  const path = join(root, name)
  try {
    const handle = await open(incoming, 'wx', 0o600)
    try {
      await writeContent(handle, content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await createDurableFolders(dirname(path))
    await rename(incoming, path)
    await syncPath(dirname(path))
  } catch (error) {
    await unlink(incoming).catch(() => undefined)
    throw error
  }
}

/** Durable too: what says of a backup that it is not finished must not come back once it is. */
async function removePath(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  // What it stood in may not be there either.
  await findIfExists(syncPath(dirname(path)))
}

async function writeContent(handle: FileHandle, content: BackupContent): Promise<void> {
  if ('bytes' in content) return handle.writeFile(content.bytes)
  // What goes wrong with it is of another disk than the place's.
  const source = forwardStream(createReadStream(content.path, { highWaterMark: copyBytes }), toLocalError)
  await handle.writeFile(notifyOnPiece(source, content.onPiece))
}

async function openFile(path: string) {
  const stream = createReadStream(path)
  await once(stream, 'open')
  return stream
}

async function listFolder(path: string): Promise<string[]> {
  const entries = (await findIfExists(readdir(path, { withFileTypes: true }))) ?? []
  return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted()
}

type AsideInFolder = { aside: string; mayGo: () => Promise<boolean> }

/** Renames a file if `mayGo` agrees. Until then it keeps its own name, so that nothing has to be restored. */
async function moveFileAside(root: string, path: string, { aside, mayGo }: AsideInFolder): Promise<boolean> {
  // Open for as long as it is looked at: no other file gets its number meanwhile.
  await using seen = await open(path)
  let isGone = false
  try {
    await addSecondName(root, path, aside)
    if ((await mayGo()) && (await identify(path, seen)) === 'it') {
      await unlink(path)
      isGone = true
    }
  } finally {
    // Nothing is there: another one put it aside too, by the same name.
    if (!isGone && (await identify(path, seen)) !== 'nothing') await rm(aside, { force: true })
  }
  // It is gone, whatever this says: where a loss of power brings it back, the next reading finds it.
  if (isGone) await syncPath(dirname(path)).catch(() => undefined)
  return isGone
}

async function addSecondName(root: string, path: string, aside: string): Promise<void> {
  const incoming = incomingPath(root)
  try {
    await linkOrCopy(path, incoming)
    await rename(incoming, aside)
    await syncPath(dirname(aside))
  } finally {
    // Where that name is of the same file already, a rename does nothing.
    await rm(incoming, { force: true })
  }
}

/** A USB stick's file system (exFAT, FAT) has no second names, nor have some shares: there the bytes are copied. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
    await syncPath(to)
  }
}

async function identify(path: string, seen: FileHandle): Promise<'it' | 'another' | 'nothing'> {
  const [before, now] = await Promise.all([seen.stat({ bigint: true }), findIfExists(stat(path, { bigint: true }))])
  if (now === undefined) return 'nothing'
  return before.dev === now.dev && before.ino === now.ino ? 'it' : 'another'
}
