import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { FileStat } from './file-store.ts'
import { hasCode } from '../errors-code.ts'
import { localFailure } from './local-errors.ts'
import { type LocalReach, requireOwnDisk } from './local-path.ts'
import { isStorageKey } from './storage-key.ts'

const top = 'security_firms'

/** A firm's folder at a time. What is no file of ours (a link, another name) is passed over. */
export async function* listLocalFiles(reach: LocalReach, prefix: string): AsyncGenerator<FileStat> {
  try {
    await requireOwnDisk(reach)
    for (const firm of await readFolder(join(reach.root, top))) {
      const folder = `${top}/${firm}/`
      if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) continue
      for (const name of await readFolder(join(reach.root, top, firm))) {
        const file = await findFile(reach.root, folder + name)
        if (file?.key.startsWith(prefix)) yield file
      }
    }
  } catch (error) {
    throw localFailure(error)
  }
}

async function findFile(root: string, key: string): Promise<FileStat | undefined> {
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
