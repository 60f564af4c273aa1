import { link } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { QuarantineKey, StorageKey } from '../vocabulary.ts'
import { syncFolder } from '../files-sync-folder.ts'
import { localFailure } from './local-errors.ts'
import { readLocalFile, removeLocalFile } from './local-files.ts'
import { type LocalReach, openLocalPath, requireOwnDisk } from './local-path.ts'
import type { Quarantine } from './quarantine.ts'
import { requireQuarantineKey, requireReadableKey } from './storage-key.ts'

export function localQuarantine(reach: LocalReach): Quarantine {
  return {
    take: async (from, to) => giveSecondName(reach, requireReadableKey(from), requireQuarantineKey(to)),
    read: async (key) => readLocalFile(reach, requireQuarantineKey(key)),
    remove: async (key) => removeLocalFile(reach, requireQuarantineKey(key)),
  }
}

/** No byte is copied: the same file gets a second name, which is durable when this resolves and stays when the first one goes. */
async function giveSecondName(reach: LocalReach, from: StorageKey, to: QuarantineKey): Promise<void> {
  try {
    await requireOwnDisk(reach)
    await reach.folders.ensure(to)
    const path = await openLocalPath(reach, to)
    await link(await openLocalPath(reach, from), path)
    await syncFolder(dirname(path))
  } catch (error) {
    throw localFailure(error)
  }
}
