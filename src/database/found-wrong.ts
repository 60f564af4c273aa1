import { sql } from 'kysely'

import type { Db } from './client.ts'
import { liesAt, type Place } from './places.ts'

/** Whether bytes were found missing or wrong by every version that names them; false where none does any more. */
export async function wereFoundWrong(db: Db, place: Place): Promise<boolean> {
  const { rows } = await sql<{ isWrong: boolean | null }>`
    select bool_and(bytes_state <> 'present') as "isWrong" from document_versions
    where ${liesAt(place)} and bytes_state <> 'removed'`.execute(db)
  return rows[0]?.isWrong ?? false
}
