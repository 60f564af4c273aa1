import { type RawBuilder, sql } from 'kysely'

import type { StorageKey, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'

/** Where a blob is. */
export type BlobLocation = { store: StoreName; storeId: StoreId | null; key: StorageKey }

/** SQL: whether a row of `document_versions` names these bytes. `prefix`: the table's name in the query, with its dot. */
export function isAtLocation({ store, storeId, key }: BlobLocation, prefix = ''): RawBuilder<boolean> {
  const column = (name: string) => sql.raw(prefix + name)
  return sql`(${column('storage_key')} = ${key} and ${column('store')} = ${store}
    and ${column('store_id')} is not distinct from ${storeId}::uuid)`
}

/** `firm_documents.file_path` as the contract §3 has it: the key on S3, below `uploads/` on local disk. */
export function platformPath({ store, key }: BlobLocation): string {
  return store === 's3' ? key : `uploads/${key}`
}

/** SQL: the same of a row of `document_versions` that the query calls `v`. */
export const platformPathOfVersionText = `case v.store when 's3' then '' else 'uploads/' end || v.storage_key`
export const platformPathOfVersion = sql.raw<string>(platformPathOfVersionText)
