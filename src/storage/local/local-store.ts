import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'

import { readIfExists } from '../../files/file-system.ts'
import type { StoreId } from '../../vocabulary/vocabulary.ts'
import { type FileStore, type Quarantine, StoreError } from '../file-store.ts'
import type { GrowingFiles } from '../growing-file.ts'
import { inLocalStore } from './local-errors.ts'
import { createLocalGrowing } from './local-growing-file.ts'
import {
  requireStoreId,
  listLocalFiles,
  localQuarantine,
  type LocalRoot,
  readLocalFile,
  removeLocalFile,
  requireOwnDisk,
  statLocalFile,
  storeIdFileName,
} from './local-files.ts'
import {
  createFileOnce,
  incomingPrefix,
  createDurableFolders,
  openDurableFolders,
  removeLeftovers,
} from './local-folders.ts'
import type { LinkTokenNeeds } from '../links/link-tokens.ts'
import { signLocalLink } from '../links/local-links.ts'
import { ownerFileName, type Ownership, parseOwner, formatOwner } from '../owner-file.ts'
import { requireReadableKey, requireStorageKey } from '../storage-key.ts'
import { writeLocalFile } from './write-local-file.ts'

type Needs = {
  root: string
  links: LinkTokenNeeds
  onBytes?: LocalRoot['onBytes']
}

export type LocalStore = FileStore & {
  name: 'local'
  storeId: StoreId
  growing: GrowingFiles
  quarantine: Quarantine
  ownership: Ownership
  /** The name of any file that an empty store does not have, including those that `list` skips. */
  findAnything(): Promise<string | undefined>
  close(): Promise<void>
}

/** Opens the store in a local folder and creates the folder if it does not exist. */
export async function openLocalStore({ root: folder, links, onBytes = () => undefined }: Needs): Promise<LocalStore> {
  return inLocalStore(async () => {
    await createDurableFolders(folder)
    const root = await realpath(folder)
    await removeLeftovers(root, incomingPrefix)
    const storeId = await requireStoreId(root)
    return localStoreOn({ root, storeId, folders: openDurableFolders(root), onBytes }, links)
  })
}

function localStoreOn(context: LocalRoot, links: LinkTokenNeeds): LocalStore {
  return {
    name: 'local',
    storeId: context.storeId,
    write: async (key, file) => writeLocalFile(context, requireStorageKey(key), file),
    read: async (key, range) => readLocalFile(context, requireReadableKey(key), range),
    stat: async (key) => statLocalFile(context, requireReadableKey(key)),
    remove: async (key) => removeLocalFile(context, requireReadableKey(key)),
    list: (prefix) => listLocalFiles(context, prefix),
    signDownload: async (key, link) => {
      requireReadableKey(key)
      return signLocalLink(links, link)
    },
    growing: createLocalGrowing(context),
    quarantine: localQuarantine(context),
    ownership: folderOwnership(context),
    findAnything: () => inLocalStore(() => findInFolder(context)),
    close: async () => undefined,
  }
}

function folderOwnership(context: LocalRoot): Ownership {
  const path = join(context.root, ownerFileName)
  return {
    find: () => inLocalStore(() => findOwner(path)),
    claim: (installationId) =>
      inLocalStore(async () => {
        await requireOwnDisk(context)
        if ((await findOwner(path)) === undefined)
          await createFileOnce(context.root, ownerFileName, formatOwner(installationId))
        const owner = await findOwner(path)
        if (owner === undefined)
          throw new StoreError('unavailable', `The file ${ownerFileName} of the local store disappeared.`)
        return owner
      }),
  }
}

async function findOwner(path: string): Promise<string | undefined> {
  const text = await readIfExists(path)
  return text === undefined ? undefined : parseOwner(text)
}

/** `lost+found` belongs to the file system and is not readable. */
const ignoredNames = new Set([storeIdFileName, ownerFileName, 'lost+found'])

/** The path of any file that the store itself did not create when it was opened. Ignores empty folders. */
async function findInFolder(context: LocalRoot): Promise<string | undefined> {
  await requireOwnDisk(context)
  const names = await readdir(context.root, { withFileTypes: true })
  const others = names.filter(({ name }) => !ignoredNames.has(name) && !name.startsWith(incomingPrefix))
  return findFile(context.root, '', others)
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
