import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

import { hasCode } from '../errors-code.ts'

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
