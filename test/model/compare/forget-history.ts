import { sql } from 'kysely'

import { removeStored } from './list-stored.ts'
import type { Real } from '../state/verb.ts'

const tables = [
  'document_uploads',
  'document_idempotency_keys',
  'document_versions',
  'documents',
  'document_blobs',
  'firm_documents',
  'firm_users',
]

/**
 * Removes a history's rows and files, so that the next one begins in the same state. A failed history may have ended in
 * any state, so its service is replaced: it might still consider S3 down.
 */
export async function forgetHistory({ world, firms }: Real, hasFailed: boolean): Promise<void> {
  if (hasFailed) await world.service.kill()
  await world.setS3('up')
  await world.scanner?.set('up')
  await world.service.start()
  const forgetting = [...Object.values(firms), world.scout.firm].map(async (firm) => {
    const own = firm === world.scout.firm ? tables.filter((table) => table !== 'firm_users') : tables
    for (const table of own) await sql`delete from ${sql.id(table)} where firm_id = ${firm}`.execute(world.db)
    await removeStored(world, firm)
  })
  await Promise.all(forgetting)
  await sql`truncate watch.copies, watch.violations`.execute(world.db)
}
