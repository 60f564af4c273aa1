import { lstat, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { hasCode } from '../errors-code.ts'
import { syncFolder } from '../files-sync-folder.ts'
import { StoreError } from './file-store.ts'

export type DurableFolders = {
  /** Makes the folders that a path below the root stands in, each so that it survives a loss of power. */
  ensure(relativePath: string): Promise<void>
  /** After one of them was found gone. */
  forget(): void
}

const most = 10_000 // firms remembered; forgetting costs an fsync or two for each

/**
 * Makes folders and remembers which ones are known to be durable. Also a folder that was there already is synced once:
 * another upload may have made it an instant ago, or a process that died.
 */
export function rememberDurableFolders(root: string): DurableFolders {
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
  await syncFolder(dirname(folder))
}
