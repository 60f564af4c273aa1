import {
  commitQuarantine,
  deletePendingQuarantine,
  type UnfinishedQuarantine,
  isNamed,
  type PendingQuarantine,
} from '../../database/blobs/quarantine-blob.ts'
import { findIsBackupRunning } from '../../database/backup/running-backups.ts'
import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import type { RemoveNeeds } from '../stores/remove-blobs.ts'
import { findBlobHash, copyToQuarantine } from '../moving/copy-to-quarantine.ts'
import type { ReachableStore } from '../stores/stores.ts'

export type QuarantineNeeds = RemoveNeeds

type Orphan = { key: StorageKey; size: number; modifiedAt: Date }

/**
 * Moves an orphan to quarantine: copy, read back, check once more that nothing names it, remove. It may be killed and run
 * again. `gone`: another process removed it; `named`: a row names it after all, or a running backup may.
 */
export async function quarantineOrphan(
  needs: QuarantineNeeds,
  actor: EventActor,
  here: ReachableStore,
  orphan: Orphan,
): Promise<'quarantined' | 'gone' | 'named'> {
  const place: BlobLocation = { store: here.store, storeId: here.storeId, key: orphan.key }
  const { quarantining, isThere } = await copyToQuarantine(needs, here, {
    ...orphan,
    reason: `an orphan, written ${orphan.modifiedAt.toISOString()}`,
  })
  if (!isThere) {
    await finishWithoutSource(needs, actor, here, { ...quarantining, key: orphan.key })
    return 'gone'
  }
  if ((await isNamed(needs.db, place, quarantining.id)) || (await findIsBackupRunning(needs.db))) return 'named'
  await here.files.remove(orphan.key)
  await recordQuarantined(needs, actor, place, quarantining)
  return 'quarantined'
}

/** The orphan is gone: an attempt may have been killed right after its removal, and then the copy is what is left. */
export async function finishWithoutSource(
  needs: QuarantineNeeds,
  actor: EventActor,
  { store, storeId, files }: ReachableStore,
  half: UnfinishedQuarantine,
): Promise<boolean> {
  const isCopied = (await findBlobHash(files.quarantine, half.quarantineKey)) !== undefined
  if (isCopied) await recordQuarantined(needs, actor, { store, storeId, key: half.key }, half)
  else await deletePendingQuarantine(needs.db, half)
  return isCopied
}

async function recordQuarantined(
  { db, log }: QuarantineNeeds,
  actor: EventActor,
  { store, storeId, key }: BlobLocation,
  quarantining: PendingQuarantine,
): Promise<void> {
  const about = { store, store_id: storeId, key, quarantine_key: quarantining.quarantineKey }
  const isNew = await inTransaction(db, async (trx) => {
    const isCommitted = await commitQuarantine(trx, quarantining)
    if (isCommitted) await recordEvent(trx, actor, { action: 'stray.quarantined', outcome: 'ok', details: about })
    return isCommitted
  })
  if (isNew) log.warn({ event: 'stray_quarantined', ...about }, 'orphan set aside in quarantine')
}
