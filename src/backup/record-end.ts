import { endBackup } from '../database/backup/running-backups.ts'
import type { Db } from '../database/client.ts'
import { recordEvent, systemActor } from '../database/events.ts'
import { inTransaction, OutcomeUnknown } from '../database/in-transaction.ts'
import { AppError } from '../errors.ts'
import type { Manifest } from './manifest.ts'

/** Tells the database of a backup that is finished. It stands, whatever the database says: this is told where it fails. */
export async function recordEnd(db: Db, place: string, manifest: Manifest): Promise<void> {
  try {
    await tellEnd(db, place, manifest).catch(async (error: unknown) => {
      // It may be told, and the trail would have it twice.
      if (error instanceof OutcomeUnknown) throw error
      await tellEnd(db, place, manifest)
    })
  } catch (error) {
    const knows = error instanceof OutcomeUnknown ? 'may not know' : 'does not know'
    throw new AppError(
      'store_unavailable',
      `The backup ${manifest.backup.name} stands and can be restored, but the database could not be told, and ${knows} it yet: until the next one it counts the backup before as the last. See that the database answers; this one need not be made again.`,
      { cause: error },
    )
  }
}

async function tellEnd(db: Db, place: string, { backup, files: { count: files, bytes, lacking } }: Manifest) {
  const { id, name, rows_only } = backup
  await inTransaction(db, async (tx) => {
    await endBackup(tx, id, { outcome: lacking > 0 ? 'lacking' : 'whole', files, bytes })
    await recordEvent(tx, systemActor(id), {
      action: 'backup.created',
      outcome: 'ok',
      details: { backup: name, place, rows_only, files, lacking },
    })
  })
}
