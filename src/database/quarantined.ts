import { sql } from 'kysely'

import type { QuarantineKey, StorageKey, StoreId, StoreName } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'
import type { Place } from './places.ts'

/** A stray on its way into quarantine: its copy is named, and may be there or not. */
export type OpenQuarantine = { id: string; quarantineKey: QuarantineKey }

type Wish = { quarantineKey: QuarantineKey; another: QuarantineKey; bytes: number; reason: string }

/**
 * Names where a stray goes before a byte of it is copied, or finds the name that an earlier attempt gave. `another` is
 * taken where something went by the first name before. Under the lock of the place, in the given transaction.
 */
export async function openQuarantine(trx: Tx, { store, storeId, key }: Place, wish: Wish): Promise<OpenQuarantine> {
  const found = await trx
    .selectFrom('document_quarantined')
    .select(['id', 'quarantine_key as quarantineKey'])
    .where('storage_key', '=', key)
    .where('store', '=', store)
    .where(sql<boolean>`store_id is not distinct from ${storeId}::uuid`)
    .where('source_removed_at', 'is', null)
    .executeTakeFirst()
  if (found !== undefined) return found

  const insert = (quarantineKey: QuarantineKey) =>
    trx
      .insertInto('document_quarantined')
      .values({
        store,
        store_id: storeId,
        storage_key: key,
        quarantine_key: quarantineKey,
        bytes: wish.bytes,
        reason: wish.reason,
        source_removed_at: null,
      })
      .onConflict((conflict) => conflict.column('quarantine_key').doNothing())
      .returning(['id', 'quarantine_key as quarantineKey'])
      .executeTakeFirst()
  const opened = (await insert(wish.quarantineKey)) ?? (await insert(wish.another))
  if (opened === undefined) throw new Error('A name that was just made up is taken.')
  return opened
}

/** Another name, where other bytes lie under the first. False when somebody else had the same thought. */
export async function renameQuarantine(
  db: Db,
  { id, quarantineKey }: OpenQuarantine,
  another: QuarantineKey,
): Promise<boolean> {
  const result = await db
    .updateTable('document_quarantined')
    .set({ quarantine_key: another })
    .where('id', '=', id)
    .where('quarantine_key', '=', quarantineKey)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** The copy is all there is now. False when that was noted before. */
export async function closeQuarantine(trx: Tx, id: string, at: Date): Promise<boolean> {
  const result = await trx
    .updateTable('document_quarantined')
    .set({ source_removed_at: at })
    .where('id', '=', id)
    .where('source_removed_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Nothing was copied to where this names, and there is nothing left to copy. */
export async function forgetQuarantine(db: Db, { id, quarantineKey }: OpenQuarantine): Promise<void> {
  await db
    .deleteFrom('document_quarantined')
    .where('id', '=', id)
    .where('quarantine_key', '=', quarantineKey)
    .where('source_removed_at', 'is', null)
    .execute()
}

export type HalfQuarantined = OpenQuarantine & { key: StorageKey }

/** What repairs of one store left half done, a page in the order of their ids. */
export async function listHalfQuarantined(
  db: Db,
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  { after, limit }: { after: string | undefined; limit: number },
): Promise<HalfQuarantined[]> {
  const { rows } = await sql<HalfQuarantined>`
    select id, quarantine_key as "quarantineKey", storage_key as key from document_quarantined
    where source_removed_at is null and store = ${store} and store_id is not distinct from ${storeId}::uuid
      and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
    order by id limit ${limit}`.execute(db)
  return rows
}
