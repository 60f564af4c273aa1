import type { Db } from '../database/client.ts'
import { findInstallationId } from '../database/installation.ts'
import { listSomeKeys } from '../database/versions-in-store.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { GuardedS3 } from '../storage/guard-s3.ts'
import { isReadableKey } from '../storage/storage-key.ts'
import type { StoreHere } from './stores-here.ts'
import type { Stores } from './stores.ts'

/** `nobodys`: no installation has put its name there, and nothing shows that it is this one's. */
export type Owner = 'ours' | 'anothers' | 'nobodys'

type Needs = { db: Db; stores: Stores }

/**
 * Whose a store is. One that nobody has claimed becomes ours when it is the first that new files of ours go to, or when
 * files of ours lie there: a bucket where none of them is may be a wrong one. Throws when the store could not be asked.
 */
export async function claimStore(needs: Needs, here: StoreHere): Promise<Owner> {
  const { ownership } = here.files
  const ourId = await findInstallationId(needs.db)
  const owner = (await ownership.find()) ?? ((await isToBeOurs(needs, here)) ? await ownership.claim(ourId) : undefined)
  if (owner === undefined) return 'nobodys'
  return owner === ourId ? 'ours' : 'anothers'
}

/**
 * Papers that this service put on S3 should lie in this bucket, none of those looked for does, and its owner's file is not
 * ours. What the platform says of papers of its own is no such sign. Throws when it could not be asked.
 */
export async function isWrongBucket(db: Db, s3: GuardedS3): Promise<boolean> {
  const keys = await listSomeKeys(db, { store: 's3', isPlatforms: false, limit: keysToTry })
  if (keys.length === 0 || (await s3.ownership.find()) === (await findInstallationId(db))) return false
  return !(await isAnyThere(s3, keys))
}

/** Some may be lost without the store being a wrong one. */
const keysToTry = 20

async function isToBeOurs({ db, stores }: Needs, { store, files }: StoreHere): Promise<boolean> {
  if (store === 'local') return true
  const ours = await listSomeKeys(db, { store, isPlatforms: false, limit: keysToTry })
  const keys = [...ours, ...(await listSomeKeys(db, { store, isPlatforms: true, limit: keysToTry }))]
  return keys.length === 0 ? stores.wanted === 's3' : isAnyThere(files, keys)
}

async function isAnyThere(files: FileStore, keys: Parameters<FileStore['stat']>[0][]): Promise<boolean> {
  // A row of the platform's may name what is no key at all.
  for (const key of keys.filter(isReadableKey)) if ((await files.stat(key)) !== undefined) return true
  return false
}
