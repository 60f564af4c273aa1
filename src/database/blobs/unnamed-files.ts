import { sql } from 'kysely'

import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import type { BlobLocation } from '../documents/versions-in-store.ts'

/**
 * A system task: returns the orphans among these keys of one store: the keys that no row names. A blob of the platform has no
 * store id, so it names the file of this key in every local store. The platform's rows count too, since one may not be a
 * version here yet. The unfinished copy of an orphan into quarantine does not name the orphan.
 */
export async function findUnnamedKeys(
  db: Db,
  { store, storeId }: Omit<BlobLocation, 'key'>,
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
 * A system task: returns the multipart uploads that no blob names. An incoming blob with this key but without a multipart id
 * may have begun a moment ago and is about to record it, so its upload counts as named.
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
