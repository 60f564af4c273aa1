import { randomUUID } from 'node:crypto'
import { link, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

import type { StoreId } from '../vocabulary.ts'
import { readIfThere } from '../files-read-if-there.ts'
import { syncFolder } from '../files-sync-folder.ts'
import { StoreError } from './file-store.ts'
import { hasCode } from '../errors-code.ts'

export const storeIdFileName = '.store-id'
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The id of the disk below this folder: made at the first opening, whichever of several processes comes first. */
export async function establishStoreId(root: string, incomingPath: string): Promise<StoreId> {
  const existing = await findStoreId(root)
  if (existing !== undefined) return existing

  const handle = await open(incomingPath, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomUUID()}\n`)
    await handle.sync()
    await link(incomingPath, join(root, storeIdFileName))
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await handle.close()
    await unlink(incomingPath)
  }
  await syncFolder(root)

  const made = await findStoreId(root)
  if (made === undefined) throw new StoreError('unavailable', 'The local store lost its id while it was opened.')
  return made
}

/** Undefined when the folder has none, as a disk that is not mounted. */
export async function findStoreId(root: string): Promise<StoreId | undefined> {
  const text = await readIfThere(join(root, storeIdFileName))
  if (text === undefined) return undefined
  const id = text.trim()
  if (!uuidForm.test(id))
    throw new StoreError('unavailable', `The file ${storeIdFileName} of the local store has no id.`)
  // The form was just checked, and nothing else writes this file.
  return id as StoreId
}
