import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { syncFolder } from '../../files-sync-folder.ts'
import { hasCode } from '../../errors-code.ts'
import { handOn } from '../hand-on.ts'
import { localFailure } from '../local-errors.ts'
import { makeDurableFolders } from '../make-durable-folders.ts'
import { removeLeftovers } from '../remove-leftovers.ts'
import type { BackupPlace, PlaceContent } from './backup-place.ts'
import { namedPlace } from './named-place.ts'
import { incomingPrefix, putFileAside } from './put-file-aside.ts'
import { tellOfPieces } from './tell-of-pieces.ts'

const copyBytes = 1024 * 1024

/** Backups in a folder: files of their owner's alone, synced before they have their names. */
export function backupFolder(root: string): BackupPlace {
  return namedPlace({
    shown: root,
    write: async (name, content) => writeFile(root, name, content),
    read: async (name) => openFile(join(root, name)),
    async sizeOf(name) {
      try {
        const stat = await lstat(join(root, name))
        return stat.isFile() ? stat.size : undefined
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return undefined
        throw error
      }
    },
    list: async (folder) => listFolder(join(root, folder)),
    remove: async (name) => removePath(join(root, name)),
    putAside: async (name, aside, mayGo) => putFileAside(root, join(root, name), { aside: join(root, aside), mayGo }),
    close: () => undefined,
  })
}

/** What dead ones left half-written there goes. */
export async function tidyBackupFolder(root: string): Promise<void> {
  try {
    await makeDurableFolders(root)
    await removeLeftovers(root, incomingPrefix)
  } catch (error) {
    throw localFailure(error)
  }
}

async function writeFile(root: string, name: string, content: PlaceContent): Promise<void> {
  const incoming = join(root, `${incomingPrefix}${randomUUID()}`)
  const path = join(root, name)
  try {
    const handle = await open(incoming, 'wx', 0o600)
    try {
      await fill(handle, content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await makeDurableFolders(dirname(path))
    await rename(incoming, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await unlink(incoming).catch(() => undefined)
    throw error
  }
}

/** Durable too: what says of a backup that it is not finished must not come back once it is. */
async function removePath(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  await syncFolder(dirname(path)).catch((error: unknown) => {
    // What it stood in is not there either.
    if (!hasCode(error, 'ENOENT')) throw error
  })
}

async function fill(handle: FileHandle, content: PlaceContent): Promise<void> {
  if ('bytes' in content) return handle.writeFile(content.bytes)
  // What goes wrong with it is of another disk than the place's.
  const source = handOn(createReadStream(content.path, { highWaterMark: copyBytes }), localFailure)
  await handle.writeFile(tellOfPieces(source, content.onPiece))
}

async function openFile(path: string) {
  const stream = createReadStream(path)
  await once(stream, 'open')
  return stream
}

async function listFolder(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
