import type { Db } from '../../database/client.ts'
import { findInstallationId } from '../../database/installation.ts'
import { isAnyVersionIn } from '../../database/versions-in-store.ts'
import type { Stores } from '../stores.ts'
import type { StoreHere } from './stores-here.ts'

/** `nobodys`: no installation has put its name there, and this one keeps nothing there. */
export type Owner = 'ours' | 'anothers' | 'nobodys'

type Needs = { db: Db; stores: Stores }

/**
 * Whose a store is. One that nobody has claimed becomes ours when new files of ours go there, or files of ours lie there.
 * Throws when the store could not be asked.
 */
export async function claimStore({ db, stores }: Needs, { store, files }: StoreHere): Promise<Owner> {
  const ourId = await findInstallationId(db)
  const isUsed = store === 'local' || stores.wanted === 's3' || (await isAnyVersionIn(db, store))
  const owner = isUsed ? await files.ownership.claim(ourId) : await files.ownership.find()
  if (owner === undefined) return 'nobodys'
  return owner === ourId ? 'ours' : 'anothers'
}
