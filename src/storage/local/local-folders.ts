import { randomUUID } from 'node:crypto'
import { link, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { hasCode } from '../../errors/app-error.ts'
import { createFolders, syncPath } from '../../files/file-system.ts'
import { StoreError } from '../file-store.ts'

/** Creates a folder and its missing parents durably, with mode 0700. An existing folder is synced too, because another process may have just created it. */
export async function createDurableFolders(folder: string): Promise<void> {
  const created = await createFolders(folder, 0o700)
  for (const each of created.length === 0 ? [folder] : created.toReversed()) await syncPath(dirname(each))
}

export type DurableFolders = {
  /** Creates the parent folders of a path below the root, so that they survive a power failure. */
  ensure(relativePath: string): Promise<void>
  /** Clears the cache after a folder was found missing. */
  forget(): void
}

const maxCachedFolders = 10_000 // a folder that is not cached costs one or two fsyncs

/** Creates folders and caches which ones are durable. */
export function openDurableFolders(root: string): DurableFolders {
  const known = new Map<string, Promise<void>>()

  return {
    async ensure(relativePath) {
      if (known.size > maxCachedFolders) known.clear()
      let folder = root
      for (const name of dirname(relativePath).split('/')) {
        folder = join(folder, name)
        await once(known, folder)
      }
    },
    forget: () => known.clear(),
  }
}

async function once(known: Map<string, Promise<void>>, folder: string): Promise<void> {
  const creation = known.get(folder) ?? createDurable(folder)
  known.set(folder, creation)
  try {
    await creation
  } catch (error) {
    known.delete(folder)
    throw error
  }
}

async function createDurable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    if (!(await lstat(folder)).isDirectory())
      throw new StoreError('unavailable', 'A path of the local store is not a folder.')
  }
  await syncPath(dirname(folder))
}

// No request takes this long, so the file's process is dead.
const leftoverMs = 24 * 60 * 60 * 1000

/** Deletes unfinished files with this prefix that were not written to for a day. */
export async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  for (const name of names) {
    try {
      const path = join(folder, name)
      if (Date.now() - (await lstat(path)).mtimeMs > leftoverMs) await unlink(path)
    } catch (error) {
      // Its owner or another process deleted it between the two calls.
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }
}

/** The prefix of files that are not complete. */
export const incomingPrefix = '.incoming-'

export function incomingPath(root: string): string {
  return join(root, `${incomingPrefix}${randomUUID()}`)
}

/** Creates a small file completely or not at all. If several processes create it at once, the first one wins. */
export async function createFileOnce(folder: string, name: string, text: string): Promise<void> {
  const incoming = incomingPath(folder)
  const handle = await open(incoming, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await link(incoming, join(folder, name))
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await handle.close()
    await unlink(incoming)
  }
  await syncPath(folder)
}
