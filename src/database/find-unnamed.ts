import { sql } from 'kysely'

import type { StorageKey } from '../vocabulary.ts'
import type { Db } from './client.ts'
import type { Place } from './places.ts'

/**
 * A system task: which of these keys of one store no row names, be it a version, an open upload, an open move or what is
 * to be removed or kept. A version of the platform names no disk, and so the file of this name on every one; the
 * platform's own rows are asked too, since one may not be a version here yet.
 */
export async function findUnnamedKeys(
  db: Db,
  { store, storeId }: Omit<Place, 'key'>,
  keys: StorageKey[],
): Promise<StorageKey[]> {
  const { rows } = await sql<{ key: StorageKey }>`
    select k.key from unnest(${keys}::text[]) as k (key)
    where not exists (select from document_versions v where v.storage_key = k.key and v.store = ${store}
                        and (v.store_id is null or v.store_id = ${storeId}::uuid) and v.bytes_state <> 'removed')
      and not exists (select from firm_documents f where f.file_path = ${store === 's3' ? '' : 'uploads/'}::text || k.key)
      and not exists (select from document_uploads u where u.storage_key = k.key)
      and not exists (select from document_moves m where m.to_key = k.key)
      and not exists (select from document_moves m where m.from_key = k.key)
      and not exists (select from document_removals r where r.storage_key = k.key and r.store = ${store}
                        and (r.store_id is null or r.store_id = ${storeId}::uuid))`.execute(db)
  return rows.map(({ key }) => key)
}

type Multipart = { key: StorageKey; multipartId: string }

/**
 * A system task: which of these multipart uploads no open upload and no open move names. One that names the key alone may
 * have begun a moment ago, and is about to name the rest.
 */
export async function findUnnamedMultiparts(db: Db, multiparts: Multipart[]): Promise<Set<string>> {
  const [keys, ids] = [multiparts.map(({ key }) => key), multiparts.map(({ multipartId }) => multipartId)]
  const { rows } = await sql<{ id: string }>`
    select given.id from unnest(${keys}::text[], ${ids}::text[]) as given (key, id)
    where not exists (select from document_uploads u where u.multipart_id = given.id)
      and not exists (select from document_moves m where m.multipart_id = given.id)
      and not exists (select from document_uploads u where u.storage_key = given.key and u.multipart_id is null)
      and not exists (select from document_moves m where m.to_key = given.key and m.multipart_id is null)`.execute(db)
  return new Set(rows.map(({ id }) => id))
}
