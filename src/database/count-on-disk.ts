import { sql } from 'kysely'

import type { StoreId } from '../vocabulary.ts'
import type { Db } from './client.ts'

export type NamedOnDisk = {
  /** Fallback files that are on their way to S3. */
  waiting: number
  /** Fallback files that were found wrong or missing, and so stay. */
  spoiled: number
  /** The other versions, whatever was found of them, and sources of moves whose copies were found wrong or missing. */
  others: number
  /** Whether any row at all names this disk. */
  isKnown: boolean
}

/** A system task: what rows say of one disk. Versions of the platform, which name no disk, are not among them. */
export async function countOnDisk(db: Db, storeId: StoreId): Promise<NamedOnDisk> {
  const { rows } = await sql<NamedOnDisk>`
    select count(*) filter (where is_fallback and bytes_state = 'present')::int as waiting,
      count(*) filter (where is_fallback and bytes_state in ('wrong', 'missing'))::int as spoiled,
      count(*) filter (where not is_fallback and bytes_state <> 'removed')::int
        + (select count(*) from document_blobs b
             join document_versions v on v.firm_id = b.firm_id and v.id = b.version_id
           where b.store_id = ${storeId}::uuid and b.state = 'leaving' and v.bytes_state in ('wrong', 'missing'))::int as others,
      count(*) > 0
        or exists (select from document_blobs where store_id = ${storeId}::uuid) as "isKnown"
    from document_versions where store = 'local' and store_id = ${storeId}::uuid`.execute(db)
  return rows[0] ?? { waiting: 0, spoiled: 0, others: 0, isKnown: false }
}
