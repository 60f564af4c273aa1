import { dirname } from 'node:path'

import { makeFolders } from '../files-make-folders.ts'
import { syncFolder } from '../files-sync-folder.ts'

/**
 * Makes a folder and those above it that are missing, their owner's alone, each so that it survives a loss of power. Also
 * one that was there is synced once: another process may have made it an instant ago.
 */
export async function makeDurableFolders(folder: string): Promise<void> {
  const made = await makeFolders(folder, 0o700)
  for (const each of made.length === 0 ? [folder] : made.toReversed()) await syncFolder(dirname(each))
}
