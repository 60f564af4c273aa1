import type { Owner } from '../stores/claim-store.ts'
import { type ReachableStore, storeLabel } from '../stores/reachable-stores.ts'

export type StoreCount = { files: number; orphans: number }

const maxOrphans = 100
const maxOrphanShare = 0.01

/** Why a store must not be repaired; undefined if it may. More orphans than this look like another database's store. */
export function findRepairObstacle(
  here: ReachableStore,
  { owner, count, allowsMany }: { owner: Owner; count: StoreCount; allowsMany: boolean },
): string | undefined {
  const name = storeLabel(here)
  switch (owner) {
    case 'other':
      return `Nothing was repaired on ${name}: its paniq-documents.json names another installation, whose files look like orphans from here. Correct AWS_S3_BUCKET, UPLOADS_DIR or DATABASE_URL.`
    case 'none':
      return `Nothing was repaired on ${name}: it belongs to no installation yet, and this one stores nothing there. Set USE_S3_STORAGE=true if it is yours.`
    case 'own':
  }
  const isMany = count.orphans > maxOrphans || count.orphans > maxOrphanShare * count.files
  if (!isMany || allowsMany) return undefined
  return `Nothing was repaired on ${name}: orphans are more than ${maxOrphans} or 1 % of the files (${count.orphans} of ${count.files}), as if another database used this store. If they are orphans all the same, add --many.`
}
