import type { Db } from '../../database/client.ts'
import { countOnDisk } from '../../database/count-on-disk.ts'
import type { LocalStore } from '../../storage/local-store.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { Stores } from '../stores.ts'
import { walkVersions } from '../walk-versions.ts'

/** What would be lost with a disk. */
export type LeftOnDisk = {
  /** Files that wait for S3, and those among them that were found wrong or missing. */
  waiting: number
  spoiled: number
  /** Papers that lie there by choice, the platform's whose file is there, and last right copies of what was moved. */
  others: number
  /** Files on a disk that this database does not know: which papers they are, another one knows. */
  unknown: { files: number; bytes: number }
}

/** Counts what lies on this disk alone, before somebody takes it away. */
export async function lookOverDisk({ db, stores }: { db: Db; stores: Stores }): Promise<LeftOnDisk> {
  const { isKnown, others: byChoice, ...fallback } = await countOnDisk(db, stores.local.storeId)
  const ofPlatform = await countOfPlatform(db, stores.local)
  const isStrange = !isKnown && ofPlatform === 0
  const unknown = isStrange ? await countFiles(stores.local) : { files: 0, bytes: 0 }
  return { ...fallback, others: byChoice + ofPlatform, unknown }
}

/** The platform's rows name no disk: their files are looked for. */
async function countOfPlatform(db: Db, disk: LocalStore): Promise<number> {
  let count = 0
  for await (const { key } of walkVersions(db, { store: 'local', storeId: null }))
    // One of a shape that is no key of ours is not looked for: whose it is nobody here can say.
    if (isReadableKey(key) && (await disk.stat(key)) !== undefined) count += 1
  return count
}

async function countFiles(disk: LocalStore): Promise<{ files: number; bytes: number }> {
  const count = { files: 0, bytes: 0 }
  for await (const { size } of disk.list('')) {
    count.files += 1
    count.bytes += size
  }
  return count
}
