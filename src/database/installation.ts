import { sql } from 'kysely'

import type { Db, Tx } from './client.ts'

/** True where the platform made the tables that we stand on: there it decides who is verified. */
export async function hasAdoptedPlatformTables(db: Db): Promise<boolean> {
  const row = await db.selectFrom('document_installation').select('adopted_platform_tables').executeTakeFirstOrThrow()
  return row.adopted_platform_tables
}

/** Who we are, in the words of our stores. */
export async function findInstallationId(db: Db): Promise<string> {
  const row = await db.selectFrom('document_installation').select('id').executeTakeFirstOrThrow()
  return row.id
}

/** Of several instances that start at once, one is in here and the others wait until its transaction ends. */
export async function takeFirstStartLock(trx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('paniq-documents first start'))`.execute(trx)
}
