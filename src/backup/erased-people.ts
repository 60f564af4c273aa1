import { z } from 'zod'

import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import type { UserId } from '../vocabulary/vocabulary.ts'
import { InvalidBackup, type Part } from './backup-manifest.ts'
import { listBackups, openBackup, type OpenedBackup, type VerificationKey } from './open-backup.ts'
import { readParts } from './compressed-parts.ts'
import { createRetryingStore, type RetryingStore, type RetryOptions } from './retrying-store.ts'

const erasureSchema = z.object({ user_id: z.guid() })

/** `skipped`: newer backups that are damaged or not trusted. */
export type ErasedLater = { userIds: UserId[]; skipped: string[] }

/**
 * The people who were erased until the newest intact backup of the same installation, also one with rows only. None if the
 * given one is the newest: its own rows have them.
 */
export async function findPeopleErasedLater(
  store: BackupStore,
  { name: restored, manifest }: OpenedBackup,
  { key, ...retries }: RetryOptions & { key: VerificationKey | undefined },
): Promise<ErasedLater> {
  const backupStore = createRetryingStore(store, retries)
  const skipped: string[] = []
  for (const name of (await listBackups(backupStore)).toReversed()) {
    if (name === restored) break
    try {
      const opened = await openBackup(backupStore, name, key)
      // Unfinished: its manifest is written last.
      if (opened?.manifest.installation_id !== manifest.installation_id) continue
      const { manifest: newer, folder } = opened
      const table = newer.tables.find((each) => each.name === 'document_erasures')
      return { userIds: await readErased(backupStore, folder, table?.parts ?? []), skipped }
    } catch (error) {
      if (!(error instanceof InvalidBackup)) throw error
      skipped.push(name)
    }
  }
  return { userIds: [], skipped }
}

async function readErased(store: RetryingStore, folder: string, parts: Part[]): Promise<UserId[]> {
  const erased: UserId[] = []
  for await (const line of readParts(store, folder, parts))
    erased.push(erasureSchema.parse(JSON.parse(line)).user_id as UserId) // as in the row
  return erased
}
