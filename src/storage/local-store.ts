import { realpath } from 'node:fs/promises'

import type { StoreId } from '../vocabulary.ts'
import type { FileStore, Quarantine } from './file-store.ts'
import { incomingPrefix, makeDurableFolders, rememberDurableFolders, removeLeftovers } from './local-folders.ts'
import { findInFolder, folderOwnership } from './own-folder.ts'
import {
  establishStoreId,
  listLocalFiles,
  localQuarantine,
  type LocalReach,
  readLocalFile,
  removeLocalFile,
  statLocalFile,
} from './local-files.ts'
import { localFailure } from './local-errors.ts'
import { type LocalLinkNeeds, signLocalLink } from './local-links.ts'
import type { Ownership } from './owner-file.ts'
import { requireReadableKey, requireStorageKey } from './storage-key.ts'
import { writeLocalFile } from './write-local-file.ts'

type Needs = {
  root: string
  links: LocalLinkNeeds
  /** Told of all that is read and written. */
  onBytes?: LocalReach['onBytes']
}

export type LocalStore = FileStore & {
  name: 'local'
  storeId: StoreId
  quarantine: Quarantine
  ownership: Ownership
  /** The name of something that lies here, of ours or not, beside what an empty store has: what `list` passes over too. */
  findAnything(): Promise<string | undefined>
  close(): Promise<void>
}

/** The store on a local folder, which is made when it is not there. */
export async function openLocalStore({ root: folder, links, onBytes = () => undefined }: Needs): Promise<LocalStore> {
  try {
    await makeDurableFolders(folder)
    const root = await realpath(folder)
    await removeLeftovers(root, incomingPrefix)
    const storeId = await establishStoreId(root)
    return localStoreOn({ root, storeId, folders: rememberDurableFolders(root), onBytes }, links)
  } catch (error) {
    throw localFailure(error)
  }
}

function localStoreOn(reach: LocalReach, links: LocalLinkNeeds): LocalStore {
  return {
    name: 'local',
    storeId: reach.storeId,
    write: async (key, file) => writeLocalFile(reach, requireStorageKey(key), file),
    read: async (key, range) => readLocalFile(reach, requireReadableKey(key), range),
    stat: async (key) => statLocalFile(reach, requireReadableKey(key)),
    remove: async (key) => removeLocalFile(reach, requireReadableKey(key)),
    list: (prefix) => listLocalFiles(reach, prefix),
    signDownload: async (key, link) => signLocalLink(links, requireReadableKey(key), link),
    quarantine: localQuarantine(reach),
    ownership: folderOwnership(reach),
    findAnything: () => findInFolder(reach),
    close: async () => undefined,
  }
}
