import { link, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

import { readIfThere } from '../files-read-if-there.ts'
import { syncFolder } from '../files-sync-folder.ts'
import { StoreError } from './file-store.ts'
import { hasCode } from '../errors-code.ts'
import { localFailure } from './local-errors.ts'
import { type LocalReach, requireOwnDisk } from './local-path.ts'
import { ownerFileName, type Ownership, readOwner, writeOwner } from './owner-file.ts'
import { incomingPath } from './write-local-file.ts'

/** Whose a disk is, said by a file in its root. */
export function folderOwnership(reach: LocalReach): Ownership {
  const path = join(reach.root, ownerFileName)
  return {
    find: () => findOwner(path),
    async claim(installationId) {
      try {
        await requireOwnDisk(reach)
        await makeUnlessThere(reach.root, path, writeOwner(installationId))
      } catch (error) {
        throw localFailure(error)
      }
      const owner = await findOwner(path)
      if (owner === undefined) throw new StoreError('unavailable', `The local store lost its ${ownerFileName}.`)
      return owner
    },
  }
}

async function findOwner(path: string): Promise<string | undefined> {
  try {
    const text = await readIfThere(path)
    return text === undefined ? undefined : readOwner(text)
  } catch (error) {
    throw localFailure(error)
  }
}

/** Whole or not at all, and whoever comes first. */
async function makeUnlessThere(root: string, path: string, text: string): Promise<void> {
  if ((await findOwner(path)) !== undefined) return
  const incoming = incomingPath(root)
  const handle = await open(incoming, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await link(incoming, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await handle.close()
    await unlink(incoming)
  }
  await syncFolder(root)
}
