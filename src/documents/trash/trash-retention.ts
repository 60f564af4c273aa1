// How long the trash keeps a document: for TRASH_DAYS days after its deletion (30 by default, see config/settings.ts). The
// purge destroys it after that, unless something protects it (database/purge/purge-candidates.ts). Only the time of deletion
// is stored, so a change of the setting also applies to documents that are in the trash already.

const dayMs = 24 * 60 * 60 * 1000

/** The end of a document's days in the trash. */
export function trashEndsAt(deletedAt: Date, trashDays: number): Date {
  return new Date(deletedAt.getTime() + trashDays * dayMs)
}

/** The days in the trash are over for documents deleted by this time. */
export function purgeCutoff(now: Date, trashDays: number): Date {
  return new Date(now.getTime() - trashDays * dayMs)
}
