import { randomUUID } from 'node:crypto'
import { link, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { hasCode } from '../../errors/app-error.ts'
import { createFolders, syncPath } from '../../files/file-system.ts'
import { StoreError } from '../file-store.ts'

/** Makes a folder and its missing parents, durable, with mode 0700. An existing one is synced once: it may be new. */
export async function createDurableFolders(folder: string): Promise<void> {
  const made = await createFolders(folder, 0o700)
  for (const each of made.length === 0 ? [folder] : made.toReversed()) await syncPath(dirname(each))
}

export type DurableFolders = {
  /** Makes the folders that a path below the root stands in, each so that it survives a loss of power. */
  ensure(relativePath: string): Promise<void>
  /** After one of them was found gone. */
  forget(): void
}

const most = 10_000 // firms remembered; forgetting costs an fsync or two for each

/** Makes folders and remembers which are durable. An existing one is synced once: another process may have just made it. */
export function openDurableFolders(root: string): DurableFolders {
  const known = new Map<string, Promise<void>>()

  return {
    async ensure(relativePath) {
      if (known.size > most) known.clear()
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
  const making = known.get(folder) ?? makeDurable(folder)
  known.set(folder, making)
  try {
    await making
  } catch (error) {
    known.delete(folder)
    throw error
  }
}

async function makeDurable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    if (!(await lstat(folder)).isDirectory())
      throw new StoreError('unavailable', 'The local store has something else in place of a folder.')
  }
  await syncPath(dirname(folder))
}

// No request lives this long: a file that was not written to for a day belongs to a process that died.
const leftoverMs = 24 * 60 * 60 * 1000

/** Removes the files of unfinished work, told by the beginning of their name, that no living process can own. */
export async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  for (const name of names) {
    try {
      const path = join(folder, name)
      if (Date.now() - (await lstat(path)).mtimeMs > leftoverMs) await unlink(path)
    } catch (error) {
      // Its owner finished, or another process tidied up, between the two calls.
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }
}

/** Files have such a name until they are whole. */
export const incomingPrefix = '.incoming-'

export function incomingPath(root: string): string {
  return join(root, `${incomingPrefix}${randomUUID()}`)
}

/** Creates a small file, whole or not at all. If several processes create it at once, the first one wins. */
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
