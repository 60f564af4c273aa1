import { sql } from 'kysely'

import type { FirmId } from '../../vocabulary.ts'
import type { Db } from '../client.ts'
import type { Place } from '../places.ts'

export type BytesNow = Place & { isInfected: boolean }

/** Where the bytes of a version lie by now, which may have moved since the snapshot; undefined when nobody has them any more. */
export async function findBytesNow(db: Db, firmId: FirmId, versionId: string): Promise<BytesNow | undefined> {
  const { rows } = await sql<BytesNow>`
    select store, store_id as "storeId", storage_key as key, scan_status = 'infected' as "isInfected"
    from document_versions where firm_id = ${firmId}::uuid and id = ${versionId}::uuid`.execute(db)
  return rows[0]
}
