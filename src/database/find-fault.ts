import { sql } from 'kysely'

import type { Db } from './client.ts'
import { liesAt, type Place } from './places.ts'

/** Why nobody may be given the bytes of a place. */
export type Fault = 'infected' | 'wrong'

/**
 * - `infected`: a virus was found in a version that lies or lay there, whether its bytes could be moved away by now or not.
 * - `wrong`: the bytes were found missing or wrong by every version that names them; undefined where none does any more.
 */
export async function findFault(db: Db, place: Place): Promise<Fault | undefined> {
  const { rows } = await sql<{ isInfected: boolean; isWrong: boolean | null }>`
    select exists (select from document_versions where ${liesAt(place)} and scan_status = 'infected')
        -- Where a version has been moved away from; rows of the platform's name no disk.
        or exists (select from document_blobs b
                   join document_versions v on v.firm_id = b.firm_id and v.id = b.version_id
                   where b.storage_key = ${place.key} and b.store = ${place.store}
                     and (${place.storeId}::uuid is null or b.store_id is null or b.store_id = ${place.storeId}::uuid)
                     and v.scan_status = 'infected') as "isInfected",
      (select bool_and(bytes_state <> 'present') from document_versions
       where ${liesAt(place)} and bytes_state <> 'removed') as "isWrong"`.execute(db)
  const [found] = rows
  if (found?.isInfected === true) return 'infected'
  return found?.isWrong === true ? 'wrong' : undefined
}
