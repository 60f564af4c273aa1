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

/** Stores backups in a folder. Only the owner can read the files, which are synced before they get their names. */
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
    moveAside: async (name, aside, isDamaged) =>
      moveFileAside(root, join(root, name), { aside: join(root, aside), isDamaged }),
    close: () => undefined,
  })
}

/** Creates the folder, and removes incomplete files of killed processes. */
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

/** Durable: the marker of an unfinished backup must not come back after a power failure. */
async function removePath(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  // Its folder may be missing too.
  await findIfExists(syncPath(dirname(path)))
}

async function writeContent(handle: FileHandle, content: BackupContent): Promise<void> {
  if ('bytes' in content) return handle.writeFile(content.bytes)
  // An error of the source is not an error of the backup store.
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

type Aside = { aside: string; isDamaged: () => Promise<boolean> }

/** Until `isDamaged` confirms it the file has both names, so that nothing has to be restored. */
async function moveFileAside(root: string, path: string, { aside, isDamaged }: Aside): Promise<boolean> {
  // Open during the check, so that no other file gets its inode number.
  await using seen = await open(path)
  let isRemoved = false
  try {
    await addSecondName(root, path, aside)
    if ((await isDamaged()) && (await identify(path, seen)) === 'same') {
      await unlink(path)
      isRemoved = true
    }
  } finally {
    // Missing: another process has renamed the file to `aside`.
    if (!isRemoved && (await identify(path, seen)) !== 'missing') await rm(aside, { force: true })
  }
  // A failed sync does no harm: after a power failure the next verification finds the file again.
  if (isRemoved) await syncPath(dirname(path)).catch(() => undefined)
  return isRemoved
}

async function addSecondName(root: string, path: string, aside: string): Promise<void> {
  const incoming = incomingPath(root)
  try {
    await linkOrCopy(path, incoming)
    await rename(incoming, aside)
    await syncPath(dirname(aside))
  } finally {
    // Renaming to a name of the same file does nothing.
    await rm(incoming, { force: true })
  }
}

/** FAT, exFAT and some network shares have no hard links: there the file is copied. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
    await syncPath(to)
  }
}

async function identify(path: string, seen: FileHandle): Promise<'same' | 'other' | 'missing'> {
  const [before, now] = await Promise.all([seen.stat({ bigint: true }), findIfExists(stat(path, { bigint: true }))])
  if (now === undefined) return 'missing'
  return before.dev === now.dev && before.ino === now.ino ? 'same' : 'other'
}
