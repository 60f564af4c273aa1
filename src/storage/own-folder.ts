import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { readIfThere } from '../files-read-if-there.ts'
import { StoreError } from './file-store.ts'
import { localFailure } from './local-errors.ts'
import { type LocalReach, requireOwnDisk, storeIdFileName } from './local-files.ts'
import { createFileOnce, incomingPrefix } from './local-folders.ts'
import { ownerFileName, type Ownership, readOwner, writeOwner } from './owner-file.ts'

/** Whose a disk is, said by a file in its root. */
export function folderOwnership(reach: LocalReach): Ownership {
  const path = join(reach.root, ownerFileName)
  return {
    find: () => findOwner(path),
    async claim(installationId) {
      try {
        await requireOwnDisk(reach)
        if ((await findOwner(path)) === undefined)
          await createFileOnce(reach.root, ownerFileName, writeOwner(installationId))
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

/** The last is of the file system itself, which lets nobody look into it. */
const ofNoPaper = new Set([storeIdFileName, ownerFileName, 'lost+found'])

/** The name of something that lies on a disk, whoever put it there, beside what the first opening makes; folders alone are nothing. */
export async function findInFolder(reach: LocalReach): Promise<string | undefined> {
  try {
    await requireOwnDisk(reach)
    const names = await readdir(reach.root, { withFileTypes: true })
    const others = names.filter(({ name }) => !ofNoPaper.has(name) && !name.startsWith(incomingPrefix))
    return await findFile(reach.root, '', others)
  } catch (error) {
    throw localFailure(error)
  }
}

type Entry = { name: string; isDirectory(): boolean }

async function findFile(root: string, folder: string, entries: Entry[]): Promise<string | undefined> {
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) return path
    const below = await findFile(root, path, await readdir(join(root, path), { withFileTypes: true }))
    if (below !== undefined) return below
  }
  return undefined
}
