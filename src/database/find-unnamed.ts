import { sql } from 'kysely'

import type { StorageKey } from '../vocabulary.ts'
import type { Db } from './client.ts'
import type { Place } from './places.ts'

/**
 * A system task: which of these keys of one store no row names: orphans. A blob of the platform names no disk, and so the
 * file of this name on every one; the platform's own rows are asked too, since one may not be a version here yet. The copy
 * of an orphan that is on its way into quarantine does not name the orphan.
 */
export async function findUnnamedKeys(
  db: Db,
  { store, storeId }: Omit<Place, 'key'>,
  keys: StorageKey[],
): Promise<StorageKey[]> {
  const { rows } = await sql<{ key: StorageKey }>`
    select k.key from unnest(${keys}::text[]) as k (key)
    where not exists (select from document_blobs b where b.storage_key = k.key and b.store = ${store}
                        and (b.store_id is null or b.store_id = ${storeId}::uuid) and b.state <> 'destroyed')
      and not exists (select from firm_documents f where f.file_path = ${store === 's3' ? '' : 'uploads/'}::text || k.key)`.execute(
    db,
  )
  return rows.map(({ key }) => key)
}

type Multipart = { key: StorageKey; multipartId: string }

/**
 * A system task: which of these uploads in parts no blob names. A blob that names the key alone may have begun a moment
 * ago, and is about to name the rest.
 */
export async function findUnnamedMultiparts(db: Db, multiparts: Multipart[]): Promise<Set<string>> {
  const [keys, ids] = [multiparts.map(({ key }) => key), multiparts.map(({ multipartId }) => multipartId)]
  const { rows } = await sql<{ id: string }>`
    select given.id from unnest(${keys}::text[], ${ids}::text[]) as given (key, id)
    where not exists (select from document_blobs b where b.multipart_id = given.id)
      and not exists (select from document_blobs b
                      where b.storage_key = given.key and b.state = 'incoming' and b.multipart_id is null)`.execute(db)
  return new Set(rows.map(({ id }) => id))
}
