import { type RawBuilder, sql } from 'kysely'

import type { StorageKey, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'

/** The location of a blob. `storeId`: the local store; null on S3 and for files of the platform. */
export type BlobLocation = { store: StoreName; storeId: StoreId | null; key: StorageKey }

/** SQL: whether a row of `document_versions` names these bytes. `prefix`: the table's name in the query, with its dot. */
export function isAtLocation({ store, storeId, key }: BlobLocation, prefix = ''): RawBuilder<boolean> {
  const column = (name: string) => sql.raw(prefix + name)
  return sql`(${column('storage_key')} = ${key} and ${column('store')} = ${store}
    and ${column('store_id')} is not distinct from ${storeId}::uuid)`
}

/** `firm_documents.file_path` (contract §3): the key on S3, or the key below `uploads/` in a local store. */
export function platformPath({ store, key }: BlobLocation): string {
  return store === 's3' ? key : `uploads/${key}`
}

/** SQL: the same for `document_versions v`. */
export const platformPathOfVersionText = `case v.store when 's3' then '' else 'uploads/' end || v.storage_key`
export const platformPathOfVersion = sql.raw<string>(platformPathOfVersionText)
