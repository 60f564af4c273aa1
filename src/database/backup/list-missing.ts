import { sql } from 'kysely'

import type { Db } from '../client.ts'

/** The versions of which the rows say that nobody has their bytes. */
export async function listMissing(db: Db): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`select id from document_versions where bytes_state = 'missing'`.execute(db)
  return new Set(rows.map(({ id }) => id))
}
