import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { localFailure } from './local-errors.ts'
import { type LocalReach, requireOwnDisk } from './local-path.ts'
import { ownerFileName } from './owner-file.ts'
import { storeIdFileName } from './store-id.ts'
import { incomingPrefix } from './write-local-file.ts'

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
